/// What came along with the guest's kernel: an initrd, or a multiboot kernel's modules.
public protocol BootModules: ~Copyable {
  /// How many there are.
  var count: Int { get }

  /// Calls `body` once with the contents and the string (without a terminator) of module `index`,
  /// which is in `0..<count`. The spans are valid for the call.
  func withModule<Failure: Error>(
    _ index: Int, _ body: (_ bytes: Span<UInt8>, _ string: Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure)
}
