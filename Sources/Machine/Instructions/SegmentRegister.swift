/// A segment register by its number in instruction encodings.
public enum SegmentRegister: UInt8, Sendable {
  case es, cs, ss, ds, fs, gs
}
