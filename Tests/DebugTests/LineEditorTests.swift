import Debug
import Support
import Testing

struct LineEditorTests {
  /// A terminal: what was echoed, and the lines that came of it.
  private struct Terminal {
    var editor = LineEditor()
    var screen: [UInt8] = []
    var lines: [String] = []
    var interruptCount = 0

    mutating func type(_ bytes: some Sequence<UInt8>) {
      for byte in bytes {
        var echoed: [UInt8] = []
        switch editor.feed(byte, echo: { echoed.append($0) }) {
        case .editing: break
        case .complete: lines.append(String(decoding: text, as: UTF8.self))
        case .interrupt: interruptCount += 1
        }
        screen += echoed
      }
    }

    mutating func type(_ text: String) { type(Array(text.utf8)) }

    var text: [UInt8] { (0..<editor.text.count).map { editor.text[$0] } }
  }

  @Test func aLineEndsWithReturnLineFeedOrBoth() {
    var terminal = Terminal()
    terminal.type("net\rnodes\nclock\r\nhelp\r")
    #expect(terminal.lines == ["net", "nodes", "clock", "help"])
    #expect(String(decoding: terminal.screen, as: UTF8.self) == "net\r\nnodes\r\nclock\r\nhelp\r\n")
  }

  @Test func backspaceAndCtrlUErase() {
    var terminal = Terminal()
    terminal.type("nex\u{7F}t\r")
    terminal.type("rubbish\u{15}net\u{8}\u{8}\u{8}ok\r")
    #expect(terminal.lines == ["net", "ok"])
    terminal.screen = []
    terminal.type("\u{7F}")
    #expect(terminal.screen == [7])
  }

  @Test func ctrlCGivesTheLineUp() {
    var terminal = Terminal()
    terminal.type("ping 1\u{3}net\r")
    #expect(terminal.interruptCount == 1)
    #expect(terminal.lines == ["net"])
  }

  @Test func escapeSequencesAreSkipped() {
    var terminal = Terminal()
    terminal.type("n\u{1B}[Ae\u{1B}OBt\u{1B}[1;5C\r")
    #expect(terminal.lines == ["net"])
  }

  @Test func whatDoesNotFitIsRefused() {
    var terminal = Terminal()
    terminal.type(String(repeating: "x", count: 500) + "\r")
    #expect(terminal.lines == [String(repeating: "x", count: LineEditor.capacity)])
    #expect(terminal.screen.filter { $0 == 7 }.count == 500 - LineEditor.capacity)
  }

  @Test func noBytesMakeItTrap() {
    var generator = SeededGenerator(seed: 5)
    var terminal = Terminal()
    for _ in 0..<100_000 {
      terminal.type([UInt8(truncatingIfNeeded: generator.next())])
      terminal.screen = []
    }
    #expect(terminal.lines.count > 100)
  }
}
