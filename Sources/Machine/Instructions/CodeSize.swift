/// The kind of code that the code segment makes the CPU decode (CS.L and CS.D).
public enum CodeSize: Sendable {
  case bits16
  case bits32
  case bits64
}
