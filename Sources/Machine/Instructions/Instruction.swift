/// One decoded instruction of the guest.
///
/// Decoded is what compilers and operating systems use on device memory, and what a hypervisor intercepts
/// and must tell apart where the CPU gives no help (SVM without decode assists). Everything else is
/// `InstructionError.unknown`, among it encodings for which the CPU raises #UD.
public enum Instruction: Equatable, Sendable {
  case memory(MMIOInstruction)
  case port(PortInstruction)
  case system(SystemInstruction)
  case fixed(FixedInstruction, length: Int)

  /// Decodes the instruction that starts at the first of `bytes`.
  public init(_ bytes: InstructionBytes, codeSize: CodeSize) throws(InstructionError) {
    var decoder = InstructionDecoder(bytes, codeSize: codeSize)
    self = try decoder.decode()
  }

  /// Bytes of the instruction, 1 to 15.
  public var length: Int {
    switch self {
    case .memory(let instruction): instruction.length
    case .port(let instruction): instruction.length
    case .system(let instruction): instruction.length
    case .fixed(_, let length): length
    }
  }
}
