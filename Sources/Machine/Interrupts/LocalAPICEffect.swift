/// What a register write asks of the world outside the local APIC.
///
/// Two things change without an effect, since the run loop looks at them before every entry anyway:
/// `LocalAPIC.highestPending` and `LocalAPIC.timerDeadline`.
public enum LocalAPICEffect: Equatable, Sendable {
  case none
  case send(InterruptMessage)
  /// A level-triggered interrupt ended: tell every I/O APIC.
  case endOfInterrupt(vector: UInt8)
  /// `LocalAPIC.addressing` changed: tell every `InterruptRouter`.
  case addressingChanged
  /// `LocalAPIC.tscAdjust` changed: the processor's TSC offset must follow.
  case timeStampCounterChanged
}
