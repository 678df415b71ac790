import Testing
import VMX

@Test func encodingsAreTheManuals() {
  // SDM Vol. 3D, appendix B
  #expect(VMCSField.guestRIP.encoding == 0x681E)
  #expect(VMCSField.guestRSP.encoding == 0x681C)
  #expect(VMCSField.hostRIP.encoding == 0x6C16)
  #expect(VMCSField.eptPointer.encoding == 0x201A)
  #expect(VMCSField.exitReason.encoding == 0x4402)
  #expect(VMCSField.guestPhysicalAddress.encoding == 0x2400)
  #expect(VMCSField.guestAccessRights(1).encoding == 0x4816)
  #expect(VMCSField.guestBase(5).encoding == 0x6810)
  #expect(VMCSField.vpid.encoding == 0)
  #expect(VMCSField.guestPDPTE(3).encoding == 0x2810)
  #expect(VMCSField.preemptionTimer.encoding == 0x482E)
  #expect(VMCSField.entryInterruption.encoding == 0x4016)
  #expect(VMCSField.hostGSBase.encoding == 0x6C08)
  #expect(VMCSField.cr4ReadShadow.encoding == 0x6006)
  #expect(VMCSField.guestIDTRBase.encoding == 0x6818)
  #expect(VMCSField.guestInterruptibility.encoding == 0x4824)
}
