import E1000
import Memory

/// A run of memory as both sides see it. It starts filled with what somebody else has left there.
final class MemoryRun {
  let address: UInt64
  let storage: UnsafeMutableRawBufferPointer
  /// Whether something was written that the controller may not see yet.
  var isUnpublished = false

  init(address: UInt64, count: Int) {
    self.address = address
    storage = .allocate(byteCount: count, alignment: 16)
    storage.initializeMemory(as: UInt8.self, repeating: 0xA5)
  }

  deinit { storage.deallocate() }

  func contains(_ place: UInt64, count: Int) -> Bool {
    place >= address && place - address <= UInt64(storage.count)
      && count <= storage.count - Int(place - address)
  }

  /// The controller's own access.
  func read(_ place: UInt64, count: Int) -> [UInt8] {
    precondition(contains(place, count: count), "the controller reads elsewhere")
    let offset = Int(place - address)
    return Array(storage[offset..<offset + count])
  }

  func write(_ bytes: [UInt8], at place: UInt64) {
    precondition(contains(place, count: bytes.count), "the controller writes elsewhere")
    let offset = Int(place - address)
    UnsafeMutableRawBufferPointer(rebasing: storage[offset..<offset + bytes.count]).copyBytes(from: bytes)
  }

  func word(_ place: UInt64) -> UInt64 {
    precondition(contains(place, count: 8))
    return storage.load(fromByteOffset: Int(place - address), as: UInt64.self)
  }

  func setWord(_ word: UInt64, at place: UInt64) {
    precondition(contains(place, count: 8))
    storage.storeBytes(of: word, toByteOffset: Int(place - address), as: UInt64.self)
  }
}

/// The driver's view of a run.
struct FakeMemory: DMAMemory, ~Copyable {
  let run: MemoryRun

  var address: HostPhysicalAddress { HostPhysicalAddress(run.address) }
  var count: Int { run.storage.count }

  func load(at offset: Int) -> UInt64 {
    precondition(offset % 8 == 0)
    return run.storage.load(fromByteOffset: offset, as: UInt64.self)
  }

  mutating func store(_ word: UInt64, at offset: Int) {
    precondition(offset % 8 == 0)
    run.storage.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
    run.isUnpublished = true
  }

  func publish() { run.isUnpublished = false }

  @_lifetime(borrow self)
  func bytes(_ range: Range<Int>) -> Span<UInt8> {
    let part = UnsafeRawBufferPointer(rebasing: run.storage[range]).assumingMemoryBound(to: UInt8.self)
    return _overrideLifetime(Span(_unsafeElements: part), borrowing: self)
  }

  @_lifetime(&self)
  mutating func mutableBytes(_ range: Range<Int>) -> MutableSpan<UInt8> {
    run.isUnpublished = true
    let part = UnsafeMutableRawBufferPointer(rebasing: run.storage[range]).assumingMemoryBound(to: UInt8.self)
    return _overrideLifetime(MutableSpan(_unsafeElements: part), mutating: &self)
  }
}
