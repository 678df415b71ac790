/// The rules that the protocol stands on. Each can be broken on purpose, to see that the model checker notices.
public enum ProtocolRule: UInt8, CaseIterable, Sendable {
  // At the cache
  case acknowledgeAfterShootdown
  case giveAfterShootdown
  case downgradeBeforeSharing
  case unmapBeforePut
  case waitForAcknowledgements
  case unblockAtTheEnd
  case loseUpgradedCopy
  case shareMakesShared
  case shareGrantsShared
  case giveMakesInvalid
  case putSharedAfterForward
  case pinHolds
  case serveAfterPin
  case retryWaitingFaults
  case raiseVersion
  case changesFromKnownVersion
  case freeDroppedFrame
  case rememberEarlyAcknowledgements
  // At the home
  case blockWhileBusy
  case serveWaiting
  case recordSharer
  case invalidateAll
  case countAcknowledgements
  case supplierIsNotCounted
  case checkUpgradeStillHolds
  case voidStalePut
  case keepLastSharedCopy
  case keepOwnedCopy
  case forgetDroppedSharer
  case holdWrittenPage
  case clearStaleCopyAtHome
}

/// Says which rules are broken. The kernel's is `SoundRules`, which the compiler makes vanish.
public protocol ProtocolRules: Sendable {
  func breaks(_ rule: ProtocolRule) -> Bool
}

/// The protocol as it should be.
public struct SoundRules: ProtocolRules {
  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public func breaks(_ rule: ProtocolRule) -> Bool { false }
}
