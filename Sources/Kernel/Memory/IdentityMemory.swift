import CPU
import Firmware
import Memory

/// Physical memory as the kernel sees it: at its own address.
struct IdentityMemory: PhysicalMemory {
  /// What the boot-time page tables map; what firmware and loader leave for us is below it.
  private static let limit: UInt64 = 1 << 32

  func byte(at address: HostPhysicalAddress) -> UInt8? {
    guard address.value < Self.limit else { return nil }
    return unsafe UnsafePointer<UInt8>(bitPattern: UInt(address.value))?.pointee
  }

  /// The bytes of a range that stays mapped for as long as the kernel runs.
  @_lifetime(immortal)
  static func bytes(_ range: Range<HostPhysicalAddress>) -> Span<UInt8> {
    let start = unsafe UnsafePointer<UInt8>(bitPattern: UInt(range.lowerBound.value))
    let span = unsafe Span(_unsafeStart: start ?? Self.nowhere, count: Int(range.byteCount))
    return unsafe _overrideLifetime(span, copying: ())
  }

  private static var nowhere: UnsafePointer<UInt8> {
    unsafe UnsafePointer(bitPattern: 1).unsafelyUnwrapped
  }

  /// Copies between frames that do not overlap.
  static func copy(from source: HostPhysicalAddress, to destination: HostPhysicalAddress, count: UInt64) {
    let from = unsafe UnsafeRawPointer(bitPattern: UInt(source.value)).unsafelyUnwrapped
    let to = unsafe UnsafeMutableRawPointer(bitPattern: UInt(destination.value)).unsafelyUnwrapped
    unsafe to.copyMemory(from: from, byteCount: Int(count))
  }

  /// Zeroes memory that nobody else uses.
  static func clear(_ address: HostPhysicalAddress, count: UInt64) { fill(address, count: count, with: 0) }

  /// Sets each byte of memory that nobody else uses.
  static func fill(_ address: HostPhysicalAddress, count: UInt64, with byte: UInt8) {
    let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address.value)).unsafelyUnwrapped
    unsafe start.initializeMemory(as: UInt8.self, repeating: byte, count: Int(count))
  }
}

/// Words at a fixed place in memory.
@safe
struct IdentityWords: WordStorage {
  private let words: UnsafeMutablePointer<UInt64>
  let count: Int

  init(at address: HostPhysicalAddress, count: Int) {
    unsafe words = UnsafeMutablePointer(bitPattern: UInt(address.value)).unsafelyUnwrapped
    self.count = count
  }

  subscript(index: Int) -> UInt64 {
    @inline(__always) get { unsafe words[index] }
    @inline(__always) nonmutating set { unsafe words[index] = newValue }
  }
}
