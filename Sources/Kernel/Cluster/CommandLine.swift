import Debug
import Wire

/// The hyperkernel's command line on the console: what is typed, and where answers go.
struct CommandLine {
  private var editor = LineEditor()

  /// Shows that a command may be typed.
  func prompt(_ id: NodeID) {
    if id.isNode { put("node \(id.value)> ") } else { put("node ?> ") }
  }

  /// A line of an answer.
  func write(_ line: LogLine) {
    node.consoleLock.withLock { unsafe node.console.pointee.write(line: line, to: .command) }
  }

  private func put(_ text: LogLine) {
    node.consoleLock.withLock {
      for index in 0..<text.count { unsafe node.console.pointee.write(text[index], to: .command) }
    }
  }

  /// Bytes that answers may have without waiting for the wire.
  var room: Int { unsafe node.console.pointee.room }

  /// The text of a line that is complete.
  var text: Span<UInt8> {
    @_lifetime(borrow self) get { editor.text }
  }

  /// Feeds the wire, and the editor with what has been typed, as far as echoes have room; stops at the end of a line.
  mutating func poll() -> LineEditor.Outcome {
    node.consoleLock.withLock {
      unsafe node.console.pointee.poll()
      for _ in 0..<64 {
        guard room > 64, let (byte, _) = unsafe node.console.pointee.read() else { break }
        let outcome = editor.feed(byte) { unsafe node.console.pointee.write($0, to: .command) }
        if outcome != .editing { return outcome }
      }
      return .editing
    }
  }
}
