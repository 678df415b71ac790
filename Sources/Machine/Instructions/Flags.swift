/// The bits of RFLAGS that instructions on memory read and write (SDM Vol. 1, 3.4.3).
enum Flags {
  static let carry: UInt64 = 1 << 0
  static let parity: UInt64 = 1 << 2
  static let adjust: UInt64 = 1 << 4
  static let zero: UInt64 = 1 << 6
  static let sign: UInt64 = 1 << 7
  static let direction: UInt64 = 1 << 10
  static let overflow: UInt64 = 1 << 11

  static let status = carry | parity | adjust | zero | sign | overflow
}
