import CPU
import Synchronization

/// A ticket lock: cores enter in the order in which they came.
///
/// No handler of an interrupt takes one, so holders need not mask interrupts.
struct SpinLock: ~Copyable {
  private let next = Atomic<UInt32>(0)
  private let serving = Atomic<UInt32>(0)

  borrowing func withLock<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let ticket = next.wrappingAdd(1, ordering: .relaxed).oldValue
    while serving.load(ordering: .acquiring) != ticket { pause() }
    defer { serving.store(ticket &+ 1, ordering: .releasing) }
    return try body()
  }
}
