/// A line of a command line as it is typed on a terminal: printable ASCII, edited at its end.
public struct LineEditor: Sendable {
  /// What a typed byte has led to.
  public enum Outcome: Equatable, Sendable {
    case editing
    /// The line is complete: `text` has it until the next byte comes.
    case complete
    /// Ctrl-C: the line, or what the last one has started, is given up.
    case interrupt
  }

  /// Characters that fit into a line; what is typed beyond them is refused by the bell.
  public static var capacity: Int { 120 }

  private var bytes = InlineArray<120, UInt8>(repeating: 0)
  private var count = 0
  private var isComplete = false
  /// CR LF is one end of a line.
  private var followsReturn = false
  /// Where a terminal's escape sequence is being skipped (ECMA-48, 5.4).
  private var escape = Escape.none

  private enum Escape { case none, started, parameters }

  public init() {}

  /// What has been typed of the line.
  public var text: Span<UInt8> {
    @_lifetime(borrow self) get { bytes.span.extracting(first: count) }
  }

  /// Takes a byte; `echo` gets what the terminal has to show for it.
  public mutating func feed(_ byte: UInt8, echo: (UInt8) -> Void) -> Outcome {
    if isComplete {
      isComplete = false
      count = 0
    }
    let followsReturn = followsReturn
    self.followsReturn = byte == ASCII.carriageReturn
    if skipsEscape(byte) { return .editing }
    switch byte {
    case ASCII.lineFeed where followsReturn: break
    case ASCII.carriageReturn, ASCII.lineFeed:
      echo(ASCII.carriageReturn)
      echo(ASCII.lineFeed)
      isComplete = true
      return .complete
    case ASCII.endOfText:
      for byte: UInt8 in [UInt8(ascii: "^"), UInt8(ascii: "C"), ASCII.carriageReturn, ASCII.lineFeed] {
        echo(byte)
      }
      count = 0
      return .interrupt
    case ASCII.backspace, ASCII.delete:
      if count > 0 { erase(echo) } else { echo(ASCII.bell) }
    case ASCII.negativeAcknowledge:
      while count > 0 { erase(echo) }
    case 0x20..<0x7F:
      guard count < Self.capacity else {
        echo(ASCII.bell)
        break
      }
      bytes[count] = byte
      count += 1
      echo(byte)
    default: echo(ASCII.bell)
    }
    return .editing
  }

  private mutating func erase(_ echo: (UInt8) -> Void) {
    count -= 1
    echo(ASCII.backspace)
    echo(ASCII.space)
    echo(ASCII.backspace)
  }

  /// Whether `byte` belongs to an escape sequence, as an arrow key sends one.
  private mutating func skipsEscape(_ byte: UInt8) -> Bool {
    switch escape {
    case .none:
      guard byte == ASCII.escape else { return false }
      escape = .started
    case .started:
      escape = byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") ? .parameters : .none
    case .parameters:
      if (0x40..<0x7F).contains(byte) { escape = .none }
    }
    return true
  }
}

/// Control characters (ECMA-48, 5.2).
enum ASCII {
  static let endOfText: UInt8 = 0x03
  static let bell: UInt8 = 0x07
  static let backspace: UInt8 = 0x08
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let negativeAcknowledge: UInt8 = 0x15
  static let escape: UInt8 = 0x1B
  static let space: UInt8 = 0x20
  static let delete: UInt8 = 0x7F
}
