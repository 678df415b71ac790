import EPT
import Memory
import Testing

/// What a recent Xeon reports.
private let capabilities = EPTCapabilities(rawValue: 0x0000_0F01_0673_4141)

@Test func theEPTPointerSaysWriteBackFourLevelsAndNoAccessedFlags() throws {
  let pointer = try EPTPointer(root: HostPhysicalAddress(0x12_3456_7000), capabilities: capabilities)
  #expect(pointer.rawValue == 0x12_3456_701E)
}

@Test func eachCapabilityThatIsMissingIsNamed() {
  for missing: EPTCapabilities in [
    .pageWalkLength4, .writeBack, .invept, .inveptSingleContext, EPTPointer.requirements,
  ] {
    #expect(throws: EPTPointerError.missing(missing)) {
      try EPTPointer(root: HostPhysicalAddress(0x1000), capabilities: capabilities.subtracting(missing))
    }
  }
}

@Test func aRootThatIsNoFrameMakesNoPointer() {
  for root: UInt64 in [0x1008, 1 << 52, .max] {
    #expect(throws: EPTPointerError.misplacedRoot) {
      try EPTPointer(root: HostPhysicalAddress(root), capabilities: capabilities)
    }
  }
}

@Test func capabilitiesStandWhereTheManualHasThem() {
  #expect(capabilities.contains([.executeOnly, .page2M, .page1G, .accessedAndDirtyFlags, .uncacheable]))
  #expect(
    capabilities.contains([.inveptAllContexts, .invvpid, .invvpidIndividualAddress, .invvpidSingleContext]))
  #expect(capabilities.contains([.invvpidAllContexts, .invvpidSingleContextRetainingGlobals]))
  let format = EPTFormat(capabilities: [.page1G], physicalAddressWidth: 255)
  #expect(format.largestPage == .page4K)
  #expect(format.hostAddressLimit == 1 << 52)
}
