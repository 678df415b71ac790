import Memory

/// A file that the boot loader put into memory next to the kernel.
public struct BootModule: Equatable, Sendable {
  /// Where the file's bytes are; empty for an empty file.
  public var bytes: Range<HostPhysicalAddress>

  /// Where the text that came with the module is, without its NUL; empty where there is none.
  public var string: Range<HostPhysicalAddress>

  public init(bytes: Range<HostPhysicalAddress>, string: Range<HostPhysicalAddress>) {
    self.bytes = bytes
    self.string = string
  }
}
