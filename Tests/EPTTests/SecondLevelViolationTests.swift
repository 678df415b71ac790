import EPT
import Testing

@Test func eptViolationsSayWhatWasAskedForAndWhatWasGranted() {
  let write = SecondLevelViolation(eptExitQualification: 0x18A | 1 << 12)
  #expect(write.access == .write)
  #expect(write.permissions == .read)
  #expect(write.hasLinearAddress && !write.isGuestPageWalk && !write.isMisconfiguration)

  let fetch = SecondLevelViolation(eptExitQualification: 0x184)
  #expect(fetch.access == .execute)
  #expect(fetch.permissions == [])

  let modify = SecondLevelViolation(eptExitQualification: 0x1AB)
  #expect(modify.access == [.read, .write])
  #expect(modify.permissions == [.read, .execute])
}

@Test func anEPTViolationInTheGuestsPageTablesIsToldFromTheAccessItself() {
  let walk = SecondLevelViolation(eptExitQualification: 0x081)
  #expect(walk.isGuestPageWalk && walk.hasLinearAddress)
  #expect(walk.access == .read)

  // Loading the PDPTEs has no linear address, and bit 8 means nothing then.
  for qualification: UInt64 in [0x001, 0x101] {
    let load = SecondLevelViolation(eptExitQualification: qualification)
    #expect(!load.isGuestPageWalk && !load.hasLinearAddress)
  }
}

@Test func nestedPageFaultsDecodeToTheSameTerms() {
  let absent = SecondLevelViolation(npfExitInfo1: 1 << 32 | 0x4)
  #expect(absent.access == .read)
  #expect(absent.permissions == [])
  #expect(!absent.isGuestPageWalk && !absent.hasLinearAddress && !absent.isMisconfiguration)

  let write = SecondLevelViolation(npfExitInfo1: 1 << 32 | 0x7)
  #expect(write.access == .write)
  #expect(write.permissions == .read)

  #expect(SecondLevelViolation(npfExitInfo1: 1 << 32 | 0x15).access == .execute)
  #expect(SecondLevelViolation(npfExitInfo1: 1 << 32 | 0xD).isMisconfiguration)

  let walk = SecondLevelViolation(npfExitInfo1: 1 << 33 | 0x7)
  #expect(walk.isGuestPageWalk)
  #expect(walk.access == .write)
  #expect(SecondLevelViolation(npfExitInfo1: 1 << 33 | 0x14).access == .read)
}
