/// The four characters that name an ACPI table (ACPI 6.5, 5.2.6).
public struct TableSignature: Equatable, Sendable {
  /// The characters in memory order, as a little-endian integer.
  public let value: UInt32

  /// The signature of four ASCII characters.
  public init(
    _ first: Unicode.Scalar, _ second: Unicode.Scalar, _ third: Unicode.Scalar, _ fourth: Unicode.Scalar
  ) {
    value = first.value | second.value << 8 | third.value << 16 | fourth.value << 24
  }

  public static var rsdt: Self { Self("R", "S", "D", "T") }
  public static var xsdt: Self { Self("X", "S", "D", "T") }
  public static var madt: Self { Self("A", "P", "I", "C") }
  public static var fadt: Self { Self("F", "A", "C", "P") }
  public static var mcfg: Self { Self("M", "C", "F", "G") }
}
