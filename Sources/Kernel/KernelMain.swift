import CPU
import Synchronization
struct Shared: ~Copyable {
  let word = Atomic<UInt64>(0)
  let pending: InlineArray<4, UInt64> = .init(repeating: 0)
}
@c(kernelMain) public func kernelMain(_ magic: UInt32, _ information: UInt) {
  let shared = UnsafeMutablePointer<Shared>.allocate(capacity: 1)
  unsafe shared.initialize(to: Shared())
  unsafe shared.pointee.word.store(UInt64(magic), ordering: .releasing)
  for byte in "hello\n".utf8 { cpu_out8(0x3f8, byte) }
}
