/// Why bytes could not be decoded.
public enum InstructionError: Error, Equatable {
  /// The bytes end before the instruction does: more must be fetched.
  case incomplete
  /// The instruction goes on after 15 bytes, for which the CPU raises #GP(0).
  case tooLong
  /// Not one of the instructions that can be emulated, or none at all.
  case unknown(InstructionBytes)
}
