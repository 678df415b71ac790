import Foundation
import Support
import Testing

@testable import Simulator

struct TableTests {
  @Test func thePageHasTheTablesThatTheCodeMakes() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/protocol.md")
    let page = try String(contentsOf: path.standardized, encoding: .utf8)
    let parts = page.components(separatedBy: "<!-- tables -->\n")
    #expect(parts.count == 3)
    #expect(parts[1] == TransitionTables().text + "\n", "swift run Simulator tables prints them")
  }
}
