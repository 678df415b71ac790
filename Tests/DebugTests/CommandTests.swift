import Debug
import Foundation
import Support
import Testing

struct CommandTests {
  private func parse(_ line: String) throws(CommandError) -> Command? {
    let bytes = Array(line.utf8)
    return try Command(bytes.span, pingSizes: 16...4096)
  }

  @Test func commandsAreRead() throws {
    #expect(try parse("help") == .help)
    #expect(try parse("  nodes ") == .nodes)
    #expect(try parse("net") == .net)
    #expect(try parse("clock") == .clock)
    #expect(try parse("shutdown") == .shutdown)
    #expect(try parse("ping 3") == .ping(node: 3, count: 10, size: 64))
    #expect(try parse("ping 255 10000 4096") == .ping(node: 255, count: 10_000, size: 4096))
    #expect(try parse("") == nil)
    #expect(try parse("   ") == nil)
  }

  @Test(arguments: [
    ("pin 1", CommandError.unknown), ("NET", .unknown), ("net 1", .arguments(.net)),
    ("ping", .arguments(.ping)),
    ("ping 1 2 3 4", .arguments(.ping)), ("ping 1 2 3 4 5 6 7 8 9 10", .arguments(.ping)),
    ("ping x", .number(argument: 1, 0...255)), ("ping 256", .number(argument: 1, 0...255)),
    ("ping -1", .number(argument: 1, 0...255)), ("ping 1 0", .number(argument: 2, 1...10_000)),
    ("ping 1 1 15", .number(argument: 3, 16...4096)),
    ("ping 1 1 99999999999999999999", .number(argument: 3, 16...4096)),
  ])
  func whatIsNoCommandSaysWhy(line: String, error: CommandError) {
    #expect(throws: error) { try parse(line) }
  }

  @Test func everyCommandIsListed() {
    let all = CommandDefinition.all
    for index in all.indices {
      #expect(CommandName(rawValue: index) != nil)
      let name = all[index].name.description
      #expect(throws: Never.self) { try parse(name == "ping" ? "ping 1" : name) }
    }
    #expect(CommandName(rawValue: all.count) == nil)
  }

  @Test func theDocumentationHasEveryCommand() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/commands.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let all = CommandDefinition.all
    for index in all.indices {
      #expect(text.contains("| `\(all[index].name.description)\(all[index].arguments.description)` |"))
    }
  }

  @Test func noLineMakesItTrap() {
    var generator = SeededGenerator(seed: 7)
    let alphabet = Array("pingnetclock 0129- xA".utf8) + [0, 0xFF]
    for _ in 0..<100_000 {
      let bytes = (0..<Int(generator.next() % 40)).map { _ in
        alphabet[Int(generator.next() % UInt64(alphabet.count))]
      }
      _ = try? Command(bytes.span, pingSizes: 16...4096)
    }
  }
}
