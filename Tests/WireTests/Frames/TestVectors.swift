import Foundation
import Wire

/// The test vectors of docs/wire.md: blocks of hexadecimal bytes, fenced and marked `vector NAME`.
enum TestVectors {
  static func read() throws -> [String: [UInt8]] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/wire.md"), encoding: .utf8)
    var vectors: [String: [UInt8]] = [:]
    var name: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```vector ") {
        name = String(line.dropFirst(10))
        vectors[name!] = []
      } else if line.hasPrefix("```") {
        name = nil
      } else if let name {
        for word in line.split(separator: " ") { vectors[name]!.append(UInt8(word, radix: 16)!) }
      }
    }
    return vectors
  }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for (index, byte) in bytes.enumerated() {
      text += index == 0 ? "" : index % 16 == 0 ? "\n" : " "
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }
}
