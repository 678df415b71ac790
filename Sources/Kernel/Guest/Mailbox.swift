import Machine
import Synchronization

// How other cores reach a vCPU: its LAPIC lives on its own core, so whoever has an interrupt for it posts that
// here and kicks the core. Nothing is lost between the two: the core looks into the mailbox with interrupts
// masked before each entry, and the kick that comes later ends the run (or the wait) at once.

/// Events on their way to one vCPU.
struct Mailbox: ~Copyable {
  private let requested0 = Atomic<UInt64>(0)
  private let requested1 = Atomic<UInt64>(0)
  private let requested2 = Atomic<UInt64>(0)
  private let requested3 = Atomic<UInt64>(0)
  private let level0 = Atomic<UInt64>(0)
  private let level1 = Atomic<UInt64>(0)
  private let level2 = Atomic<UInt64>(0)
  private let level3 = Atomic<UInt64>(0)
  private let signals = Atomic<UInt64>(0)

  /// What beside interrupts waits for the vCPU; the start-up vector is in bits 8…15.
  struct Signals: OptionSet {
    let rawValue: UInt64
    static let interrupts = Signals(rawValue: 1 << 0)
    static let nmi = Signals(rawValue: 1 << 1)
    static let initialize = Signals(rawValue: 1 << 2)
    static let startUp = Signals(rawValue: 1 << 3)
    /// The virtual machine has ended.
    static let stop = Signals(rawValue: 1 << 4)
    /// Second-level tables have changed (VirtualMachine+Shootdown.swift).
    static let dropTranslations = Signals(rawValue: 1 << 5)

    static func startUp(_ vector: UInt8) -> Signals { Signals(rawValue: 1 << 3 | UInt64(vector) << 8) }
    var startUpVector: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }
  }

  borrowing func post(_ vector: UInt8, trigger: InterruptMessage.TriggerMode) {
    let bit: UInt64 = 1 << UInt64(vector & 63)
    switch vector >> 6 {
    case 0: Self.set(requested0, level0, bit, trigger)
    case 1: Self.set(requested1, level1, bit, trigger)
    case 2: Self.set(requested2, level2, bit, trigger)
    default: Self.set(requested3, level3, bit, trigger)
    }
    post(.interrupts)
  }

  private static func set(
    _ requested: borrowing Atomic<UInt64>, _ level: borrowing Atomic<UInt64>, _ bit: UInt64,
    _ trigger: InterruptMessage.TriggerMode
  ) {
    // The last message for a vector says how it was triggered; the reader leaves that alone.
    if trigger == .level {
      level.bitwiseOr(bit, ordering: .relaxed)
    } else {
      level.bitwiseAnd(~bit, ordering: .relaxed)
    }
    requested.bitwiseOr(bit, ordering: .releasing)
  }

  borrowing func post(_ signal: Signals) {
    // A start-up or INIT replaces an earlier start-up with its vector; everything else adds up.
    let replaced: UInt64 = signal.contains(.startUp) || signal.contains(.initialize) ? 0xFF08 : 0
    var old = signals.load(ordering: .relaxed)
    while true {
      let (isDone, current) = signals.compareExchange(
        expected: old, desired: old & ~replaced | signal.rawValue, ordering: .acquiringAndReleasing)
      if isDone { return }
      old = current
    }
  }

  var isEmpty: Bool {
    @inline(__always) get { signals.load(ordering: .acquiring) == 0 }
  }

  /// Takes what is there but the interrupts, whose vectors `takeInterrupts` has.
  borrowing func takeSignals() -> Signals {
    Signals(rawValue: signals.exchange(0, ordering: .acquiringAndReleasing))
  }

  borrowing func takeInterrupts(_ body: (UInt8, InterruptMessage.TriggerMode) -> Void) {
    Self.take(requested0, level0, base: 0, body)
    Self.take(requested1, level1, base: 64, body)
    Self.take(requested2, level2, base: 128, body)
    Self.take(requested3, level3, base: 192, body)
  }

  private static func take(
    _ requested: borrowing Atomic<UInt64>, _ level: borrowing Atomic<UInt64>, base: UInt8,
    _ body: (UInt8, InterruptMessage.TriggerMode) -> Void
  ) {
    guard requested.load(ordering: .relaxed) != 0 else { return }
    var bits = requested.exchange(0, ordering: .acquiring)
    let levels = level.load(ordering: .relaxed)
    while bits != 0 {
      let index = UInt8(bits.trailingZeroBitCount)
      bits &= bits - 1
      body(base + index, levels >> UInt64(index) & 1 != 0 ? .level : .edge)
    }
  }
}
