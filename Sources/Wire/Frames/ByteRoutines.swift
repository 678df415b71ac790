/// The two loops over bytes that a processor has instructions for. On a node they are those instructions (CRC32,
/// REP MOVSB); `PortableByteRoutines` computes the same.
public protocol ByteRoutines: ~Copyable {
  /// Takes `bytes` into a CRC32C: polynomial 1EDC6F41H, lowest bit first, as SSE 4.2's CRC32 instruction does it.
  ///
  /// - Parameter register: what the call for the bytes before returned; all ones for the first. The checksum is the
  ///   complement of what the last call returns.
  func crc32c(_ register: UInt32, _ bytes: Span<UInt8>) -> UInt32

  /// Takes the eight bytes of `word`, lowest first, into a CRC32C.
  func crc32c(_ register: UInt32, _ word: UInt64) -> UInt32

  /// Copies `source` to `target` from `offset` on, where there is room for it.
  func copy(_ source: Span<UInt8>, to target: inout MutableSpan<UInt8>, at offset: Int)
}
