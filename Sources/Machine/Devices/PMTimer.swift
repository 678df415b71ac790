/// The ACPI power management timer: 32 bits that count at 3.579545 MHz and wrap (ACPI 6.5, 4.8.3.3, "Power
/// Management Timer (PM_TMR)"). It is the TSC seen through another rate, so the two never drift apart.
public struct PMTimer: Sendable {
  public static let hertz: UInt64 = 3_579_545

  private let frequency: TSCFrequency

  public init(frequency: TSCFrequency) { self.frequency = frequency }

  /// The count at TSC tick `now`. No step overflows: the rest of a second is below 2⁴⁰ ticks, the rate below
  /// 2²².
  public func value(now: UInt64) -> UInt32 {
    let (seconds, rest) = now.quotientAndRemainder(dividingBy: frequency.hertz)
    return UInt32(truncatingIfNeeded: seconds &* Self.hertz &+ rest * Self.hertz / frequency.hertz)
  }
}
