import Foundation

/// The reference compiler and disassembler of ACPI tables, in a directory of its own.
final class IASL {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let executable: URL
  private let directory: URL

  init() throws {
    let search = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let candidates = search.map { URL(fileURLWithPath: String($0)).appendingPathComponent("iasl") }
    guard
      let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) })
    else { throw Failure(description: "iasl is missing: install the Debian package acpica-tools") }
    executable = found
    directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  /// The source of `table`, and what iasl had to say on the way.
  func disassemble(_ table: [UInt8]) throws -> (source: String, messages: String) {
    try Data(table).write(to: directory.appendingPathComponent("table.dat"))
    let messages = try run("-d", "table.dat")
    return (
      try String(contentsOf: directory.appendingPathComponent("table.dsl"), encoding: .utf8), messages
    )
  }

  /// The table that the last disassembly compiles to, and what iasl had to say on the way.
  func recompile() throws -> (table: [UInt8], messages: String) {
    let messages = try run("table.dsl")
    return (Array(try Data(contentsOf: directory.appendingPathComponent("table.aml"))), messages)
  }

  private func run(_ arguments: String...) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = directory
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "iasl \(arguments.joined(separator: " ")): \(output)")
    }
    return output
  }
}
