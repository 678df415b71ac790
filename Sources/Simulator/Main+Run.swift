import Glibc

extension Main {
  /// The status: 0 where nothing is wrong, 1 where something is, 2 where the options are.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") {
      print(usage)
      return 0
    }
    do {
      let options = try RunOptions(arguments)
      let simulation = Simulation(options, trace: try trace(options))
      let start = ContinuousClock.now
      simulation.run()
      let report = RunReport(simulation, duration: start.duration(to: .now))
      print(options.isJSON ? report.json : report.text)
      if let path = options.recordPath, let record = simulation.record {
        try write(record.joined(separator: "\n") + "\n", to: path)
      }
      return simulation.failure == nil ? 0 : 1
    } catch {
      print(error.text)
      return 2
    }
  }

  private static func trace(_ options: RunOptions) throws(OptionError) -> AccessTrace? {
    guard let path = options.tracePath else { return nil }
    let text = try read(path)
    do {
      return try AccessTrace(text, vcpuCount: options.shape.vcpuCount, pageCount: options.pages)
    } catch {
      throw OptionError(text: "\(path), line \(error.line) \(error.text)")
    }
  }

  static func read(_ path: String) throws(OptionError) -> String {
    guard let file = unsafe fopen(path, "r") else { throw OptionError(text: "\(path) can't be read") }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func write(_ text: String, to path: String) throws(OptionError) {
    guard let file = unsafe fopen(path, "w") else { throw OptionError(text: "\(path) can't be written") }
    let isWritten = unsafe fputs(text, file) >= 0
    guard unsafe fclose(file) == 0, isWritten else { throw OptionError(text: "\(path) can't be written") }
  }
}
