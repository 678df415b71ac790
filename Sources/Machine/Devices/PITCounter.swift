/// One counter of an 8254 (Intel 8254, "Programmable Interval Timer", order number 231164).
///
/// It does not count: it knows how many clocks have passed since its count was loaded, and works out the rest
/// from that. `advance(by:)` comes first, then whatever else is done happens at that moment. What the chip
/// does at its next clock (loading a written count, above all) waits in `loadIn`.
///
/// All six modes are here, binary and decimal. The gate restarts modes 1, 2, 3 and 5 and stops all but 1 and 5.
/// Where the data sheet leaves it open, a counter that has no count yet reads 0, and one that was never
/// programmed is in mode 0. A count of 1 in mode 2 or 3, which it forbids, gives an output without edges.
struct PITCounter: Sendable {
  private enum Mode: UInt8 {
    case terminalCount = 0
    case oneShot = 1
    case rateGenerator = 2
    case squareWave = 3
    case softwareStrobe = 4
    case hardwareStrobe = 5
  }

  /// Which bytes of a count are read and written; what is left out is 0.
  private enum Access: UInt8 {
    case low = 1
    case high = 2
    case lowThenHigh = 3
  }

  private var mode = Mode.terminalCount
  private var access = Access.lowThenHigh
  private var isDecimal = false
  private var gate: Bool

  /// The count that was loaded last, 1…65,536; nil before the first.
  private var initial: UInt64?
  /// Clocks that have been counted since then.
  private var elapsed: UInt64 = 0
  /// The count that was written and is still to be loaded.
  private var written: UInt64?
  /// Clocks until it is; nil where only a trigger will load it.
  private var loadIn: UInt64?
  /// Whether nothing counts until the next load.
  private var isHeld = false
  /// The status's null-count flag: what was written is not loaded yet.
  private var isNull = true

  /// The first byte of two.
  private var writtenLow: UInt8?
  private var readsHigh = false
  private var latchedCount: UInt16?
  private var latchedStatus: UInt8?
  private var hasRisen = false

  /// A counter whose GATE is at this level.
  init(gate: Bool) { self.gate = gate }

  // MARK: Pins

  /// The level of OUT.
  var output: Bool {
    guard let initial else { return mode != .terminalCount }
    switch mode {
    case .terminalCount: return !isHeld && elapsed >= initial
    case .oneShot: return elapsed >= initial
    case .rateGenerator: return !isCounting || elapsed % initial != initial - 1
    case .squareWave: return !isCounting || elapsed % initial < Self.highClocks(initial)
    case .softwareStrobe, .hardwareStrobe: return elapsed != initial
    }
  }

  /// Whether OUT has risen since this was asked last.
  mutating func takeRise() -> Bool {
    defer { hasRisen = false }
    return hasRisen
  }

  /// Whether OUT rises again and again by itself.
  var isPeriodic: Bool { mode == .rateGenerator || mode == .squareWave }

  /// Clocks until OUT rises, or nil where it does not by itself.
  var clocksToRise: UInt64? {
    let next = isCounting ? initial.flatMap { clocksToRise(of: $0, elapsed: elapsed) } : nil
    guard let loadIn, let written, isEnabled else { return next }
    if let next, next <= loadIn { return next }
    let start = startOfLoaded(written, elapsed: elapsed &+ loadIn)
    return clocksToRise(of: written, elapsed: start).map { loadIn &+ $0 }
  }

  mutating func setGate(_ isHigh: Bool) {
    guard isHigh != gate else { return }
    gate = isHigh
    guard mode != .terminalCount, mode != .softwareStrobe else { return }
    if isHigh {
      guard let count = written ?? initial else { return }
      written = count
      loadIn = 1
      isHeld = isPeriodic
    } else if isPeriodic, initial != nil, !isHeld {
      // The cycle at whose end a count would have been loaded does not end.
      loadIn = nil
    }
  }

  // MARK: Registers

  /// Takes the low six bits of a control word: access, mode, decimal. Access 0 is not among them.
  mutating func program(_ word: UInt8) {
    let wasHigh = output
    let gate = gate
    let hasRisen = hasRisen
    self = PITCounter(gate: gate)
    access = Access(rawValue: word >> 4 & 3) ?? .lowThenHigh
    // Of the modes' three bits, the first is not looked at in 2 and 3.
    mode = Mode(rawValue: word >> 1 & 7) ?? (word & 2 == 0 ? .rateGenerator : .squareWave)
    isDecimal = word & 1 != 0
    self.hasRisen = hasRisen || !wasHigh && output
  }

  mutating func write(_ byte: UInt8) {
    switch access {
    case .low: setCount(UInt16(byte))
    case .high: setCount(UInt16(byte) << 8)
    case .lowThenHigh:
      guard let low = writtenLow else {
        writtenLow = byte
        if mode == .terminalCount { isHeld = true }
        return
      }
      writtenLow = nil
      setCount(UInt16(byte) << 8 | UInt16(low))
    }
  }

  mutating func read() -> UInt8 {
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let value = latchedCount ?? count
    let isHigh = access == .high || access == .lowThenHigh && readsHigh
    if access == .lowThenHigh { readsHigh.toggle() }
    if isHigh || access == .low { latchedCount = nil }
    return UInt8(truncatingIfNeeded: isHigh ? value >> 8 : value)
  }

  /// Holds the count for the reads to come; one that is held already stays.
  mutating func latchCount() { latchedCount = latchedCount ?? count }

  /// Holds the status for the read to come: OUT, null count, access, mode, decimal.
  mutating func latchStatus() {
    guard latchedStatus == nil else { return }
    var status = access.rawValue << 4 | mode.rawValue << 1
    if output { status |= 1 << 7 }
    if isNull { status |= 1 << 6 }
    if isDecimal { status |= 1 }
    latchedStatus = status
  }

  // MARK: Counting

  mutating func advance(by clocks: UInt64) {
    guard let wait = loadIn else { return count(clocks) }
    guard clocks >= wait else {
      loadIn = wait - clocks
      return count(clocks)
    }
    count(wait)
    load()
    count(clocks - wait)
  }

  private var isCounting: Bool { initial != nil && !isHeld && isEnabled }

  /// Whether the gate lets it count: modes 1 and 5 take no notice of its level.
  private var isEnabled: Bool { gate || mode == .oneShot || mode == .hardwareStrobe }

  private mutating func count(_ clocks: UInt64) {
    guard isCounting, let initial else { return }
    let before = elapsed
    elapsed &+= clocks
    if let next = clocksToRise(of: initial, elapsed: before), next <= clocks { hasRisen = true }
  }

  private mutating func setCount(_ register: UInt16) {
    written = decoded(register)
    isNull = true
    switch mode {
    case .terminalCount:
      isHeld = true
      loadIn = 1
    case .softwareStrobe: loadIn = 1
    case .rateGenerator, .squareWave:
      guard let initial else {
        loadIn = 1
        return
      }
      guard isCounting else { return }
      let position = elapsed % initial
      let half = mode == .squareWave ? Self.highClocks(initial) : 0
      loadIn = (position < half ? half : initial) - position
    case .oneShot, .hardwareStrobe: break
    }
  }

  private mutating func load() {
    loadIn = nil
    guard let count = written else { return }
    elapsed = startOfLoaded(count, elapsed: elapsed)
    initial = count
    written = nil
    isHeld = false
    isNull = false
  }

  /// Clocks of `count` that count as passed where it is loaded after `elapsed` of the old one: none, but for
  /// a square wave that goes on with its low half.
  private func startOfLoaded(_ count: UInt64, elapsed: UInt64) -> UInt64 {
    guard mode == .squareWave, isCounting, let initial, elapsed % initial != 0 else { return 0 }
    return Self.highClocks(count)
  }

  private func clocksToRise(of initial: UInt64, elapsed: UInt64) -> UInt64? {
    switch mode {
    case .terminalCount, .oneShot: elapsed < initial ? initial - elapsed : nil
    case .rateGenerator, .squareWave: initial > 1 ? initial - elapsed % initial : nil
    case .softwareStrobe, .hardwareStrobe: elapsed <= initial ? initial + 1 - elapsed : nil
    }
  }

  /// How long a square wave of `count` clocks is high.
  private static func highClocks(_ count: UInt64) -> UInt64 { (count + 1) / 2 }

  /// What stands in the counter now.
  private var count: UInt16 {
    guard let initial else { return 0 }
    switch mode {
    case .rateGenerator: return encoded(initial - elapsed % initial)
    case .squareWave:
      let high = Self.highClocks(initial)
      let position = elapsed % initial
      // It counts an even number down by twos, twice a cycle.
      return encoded(initial & ~1 - 2 * (position < high ? position : position - high))
    default: return encoded(initial + modulus - elapsed % modulus)
    }
  }

  private var modulus: UInt64 { isDecimal ? 10_000 : 65_536 }

  /// A count of 0 stands for the largest. Digits above 9 have their place value too.
  private func decoded(_ register: UInt16) -> UInt64 {
    guard register != 0 else { return modulus }
    guard isDecimal else { return UInt64(register) }
    let digits = UInt64(register)
    return (digits >> 12) * 1000 + (digits >> 8 & 0xF) * 100 + (digits >> 4 & 0xF) * 10 + (digits & 0xF)
  }

  private func encoded(_ count: UInt64) -> UInt16 {
    let rest = UInt16(count % modulus)
    guard isDecimal else { return rest }
    return (rest / 1000) << 12 | (rest / 100 % 10) << 8 | (rest / 10 % 10) << 4 | rest % 10
  }
}
