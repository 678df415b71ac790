import Testing
import VCPU

@testable import SVM

@Suite struct SVMCapabilitiesTests {
  private func read(features: UInt32 = 1 << 2, edx: UInt32 = 1, control: UInt64 = 0) throws(SVMError)
    -> SVMCapabilities
  {
    try SVMCapabilities(features: features, ebx: 16, edx: edx, control: control)
  }

  @Test func aCPUWithoutAMDVIsNamed() {
    #expect(throws: SVMError.notSupported) { try read(features: 0) }
  }

  @Test func firmwareThatDisablesAMDVIsNamed() {
    #expect(throws: SVMError.disabledByFirmware) { try read(control: 1 << 4) }
  }

  @Test func featuresAreUsedWhereTheyAreReported() throws {
    let none = try read(edx: 0)
    #expect(!none.hasNestedPaging && !none.hasNextRIP && !none.hasFlushByASID && !none.hasDecodeAssists)
    #expect(try read(edx: 1 << 0).hasNestedPaging)
    #expect(try read(edx: 1 << 6).hasFlushByASID)
    #expect(try read(edx: 1 << 7).hasDecodeAssists)
  }

  @Test func nextRIPIsUsedWhereItIsReported() throws {
    #expect(try !read().hasNextRIP)
    #expect(try read(edx: 1 | 1 << 3).hasNextRIP)
  }
}

@Suite struct SVMControlRegisterTests {
  private func decode(_ code: UInt64, _ information: UInt64, hasAssists: Bool = true)
    -> ControlRegisterAccess?
  {
    ControlRegisterAccess(svmExitCode: code, information: information, hasDecodeAssists: hasAssists)
  }

  @Test func decodeAssistsTellTheOperand() {
    #expect(decode(0x03, 1 << 63 | 0xF) == .read(register: 3, into: .r15))
    #expect(decode(0x13, 1 << 63 | 0) == .write(register: 3, from: .rax))
    #expect(decode(0x18, 1 << 63 | 9) == .write(register: 8, from: .r9))
  }

  @Test func whatIsNoMOVHasToBeDecoded() {
    #expect(decode(0x10, 0) == nil)
    #expect(decode(0x13, 1 << 63, hasAssists: false) == nil)
  }
}

@Suite struct SVMEventTests {
  @Test func eventsAreEncodedAsTheManualHasThem() {
    #expect(SVMEvent(.externalInterrupt, vector: 0x31).rawValue == 0x8000_0031)
    #expect(SVMEvent(.exception, vector: 14, errorCode: 7).rawValue == 0x0000_0007_8000_0B0E)
    #expect(SVMEvent(.nmi, vector: 2).rawValue == 0x8000_0202)
  }

  @Test func anInterruptedEventIsRepeated() {
    let fault = SVMEvent(.exception, vector: 14, errorCode: 2)
    #expect(fault.repeated == fault)
    #expect(SVMEvent(.nmi, vector: 2).repeated == SVMEvent(.nmi, vector: 2))
  }

  @Test func aSoftwareInterruptIsLeftToTheGuest() {
    #expect(SVMEvent(.softwareInterrupt, vector: 0x80).repeated == nil)
    #expect(SVMEvent(.exception, vector: 3).repeated == nil)
  }

  @Test func anExceptionWithAnInterruptsVectorIsAnInterrupt() {
    #expect(SVMEvent(.exception, vector: 0x41).repeated == SVMEvent(.externalInterrupt, vector: 0x41))
  }

  @Test func whatIsNotValidIsNotRepeated() {
    #expect(SVMEvent(rawValue: 0x0000_0007_0000_0B0E).repeated == nil)
  }
}

@Suite struct SVMLayoutTests {
  @Test func portAccessesAreDecoded() {
    #expect(
      PortAccess(ioExitInformation: 0x03F8_0011)
        == PortAccess(port: 0x3F8, width: 1, isInput: true, isString: false, isRepeated: false))
    #expect(
      PortAccess(ioExitInformation: 0x0CF8_004C)
        == PortAccess(port: 0xCF8, width: 4, isInput: false, isString: true, isRepeated: true))
  }

  @Test func permissionBitsStandInThreeRanges() {
    #expect(PermissionMaps.bitIndex(of: 0x10) == 0x20)
    #expect(PermissionMaps.bitIndex(of: 0xC000_0080) == 0x800 * 8 + 0x100)
    #expect(PermissionMaps.bitIndex(of: 0xC001_0015) == 0x1000 * 8 + 0x2A)
    #expect(PermissionMaps.bitIndex(of: 0x2000) == nil)
    #expect(PermissionMaps.bitIndex(of: 0x4000_0000) == nil)
  }

  @Test func attributesArePackedAndUnpacked() {
    #expect(SVMVirtualCPU.attributes(0xA09B) == 0xA9B)
    #expect(SVMVirtualCPU.accessRights(0xA9B) == 0xA09B)
    #expect(SVMVirtualCPU.attributes(Segment.unusableBit) == 0)
    #expect(SVMVirtualCPU.accessRights(0) == Segment.unusableBit)
  }

  @Test func codesOfAnInvalidControlBlockAreRecognisedInBothWidths() {
    #expect(SVMExitCode.isInvalid(.max))
    #expect(SVMExitCode.isInvalid(0xFFFF_FFFF))
    #expect(!SVMExitCode.isInvalid(0x400))
  }
}
