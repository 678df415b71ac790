import CPU

// One serial line for everything: our log, the guest's two serial ports and the final report.
//
// `console=plain` is for people: guest output and log lines share the terminal, and a log line that would cut
// a guest's line in two starts a new one. `console=mux` is for programs: the byte DLE (10H) followed by a
// channel's letter switches the channel, DLE DLE is the byte 10H itself, and nothing else is changed. Input
// is the same: bytes for the guest's COM1; DLE X, DLE G and DLE C switch between its two ports and our command line.
//
// Writers fill a ring; the UART is fed from it whenever somebody polls, so that a guest's output does not
// wait for the wire. While `isSynchronous` (boot, panic) a writer stays until the ring has run empty.

/// Who speaks on the console.
enum ConsoleChannel: UInt8 {
  case log = 0x4C  // L
  case guestCOM1 = 0x47  // G
  case guestCOM2 = 0x58  // X
  case report = 0x4A  // J
  /// The hyperkernel's command line.
  case command = 0x43  // C
}

struct Console: ~Copyable {
  private static let escape: UInt8 = 0x10

  private let port: SerialPort
  private let isPresent: Bool
  private var ring = InlineRing<32768>()
  private var channel = ConsoleChannel.log
  private var isMidLine = false
  private var inputChannel = ConsoleChannel.guestCOM1
  private var isInputEscaped = false
  var isMultiplexed = false
  var isSynchronous = true

  init(port: SerialPort) {
    self.port = port
    isPresent = port.initialise()
  }

  /// Room for guest output, in bytes; every byte may need three on the wire.
  var room: Int { (ring.room - 64) / 3 }

  mutating func write(_ byte: UInt8, to channel: ConsoleChannel) {
    if isMultiplexed {
      if channel != self.channel {
        put(Self.escape)
        put(channel.rawValue)
      }
      if byte == Self.escape { put(byte) }
    } else {
      if channel == .guestCOM2 { return }
      if channel != self.channel && isMidLine {
        put(0x0D)
        put(0x0A)
      }
      isMidLine = byte != 0x0A
    }
    self.channel = channel
    put(byte)
  }

  mutating func write(line: LogLine, to channel: ConsoleChannel) {
    for index in 0..<line.count { write(line[index], to: channel) }
    if !isMultiplexed || channel == .command { write(0x0D, to: channel) }
    write(0x0A, to: channel)
    if isSynchronous { drain() }
  }

  private mutating func put(_ byte: UInt8) {
    while !ring.append(byte) { poll() }
  }

  /// Feeds the UART with what it takes at once.
  mutating func poll() {
    guard !ring.isEmpty else { return }
    guard isPresent else {
      ring.removeAll()
      return
    }
    guard port.canTransmit else { return }
    for _ in 0..<SerialPort.burst {
      guard let byte = ring.popFirst() else { return }
      port.transmit(byte)
    }
  }

  /// Stays until everything is on the wire.
  mutating func drain() {
    while !ring.isEmpty { poll() }
    guard isPresent else { return }
    while !port.isDrained { pause() }
  }

  /// The next byte typed and whom it is for: a port of the guest's, or the command line.
  mutating func read() -> (byte: UInt8, channel: ConsoleChannel)? {
    guard isPresent else { return nil }
    while let byte = port.receive() {
      guard isMultiplexed else { return (byte, .guestCOM1) }
      if isInputEscaped {
        isInputEscaped = false
        switch byte {
        case Self.escape: return (byte, inputChannel)
        case ConsoleChannel.guestCOM1.rawValue: inputChannel = .guestCOM1
        case ConsoleChannel.guestCOM2.rawValue: inputChannel = .guestCOM2
        case ConsoleChannel.command.rawValue: inputChannel = .command
        default: break
        }
      } else if byte == Self.escape {
        isInputEscaped = true
      } else {
        return (byte, inputChannel)
      }
    }
    return nil
  }
}

/// A ring of bytes in place; `capacity` is a power of two.
struct InlineRing<let capacity: Int> {
  private var bytes = InlineArray<capacity, UInt8>(repeating: 0)
  private var head = 0
  private var tail = 0

  init() {}

  var isEmpty: Bool { head == tail }
  var room: Int { capacity - (tail &- head) }

  mutating func append(_ byte: UInt8) -> Bool {
    guard room > 0 else { return false }
    bytes[tail & (capacity - 1)] = byte
    tail &+= 1
    return true
  }

  mutating func popFirst() -> UInt8? {
    guard !isEmpty else { return nil }
    defer { head &+= 1 }
    return bytes[head & (capacity - 1)]
  }

  mutating func removeAll() { head = tail }
}
