import Firmware

extension KernelOptions.LogLevel {
  fileprivate var name: StaticString {
    switch self {
    case .error: "error"
    case .warn: "warn "
    case .info: "info "
    case .debug: "debug"
    }
  }
}

/// The hyperkernel's log: one line a time on the console, with seconds since boot, core and level.
///
///     [    0.031250] 0 info  text
struct Log {
  func error(_ line: @autoclosure () -> LogLine) { write(.error, line) }
  func warning(_ line: @autoclosure () -> LogLine) { write(.warn, line) }
  func info(_ line: @autoclosure () -> LogLine) { write(.info, line) }
  func debug(_ line: @autoclosure () -> LogLine) { write(.debug, line) }

  private func write(_ level: KernelOptions.LogLevel, _ line: () -> LogLine) {
    guard level.rawValue <= node.options.log.rawValue else { return }
    let text = Self.stamped(level, line())
    node.consoleLock.withLock { unsafe node.console.pointee.write(line: text, to: .log) }
  }

  /// The line with its time, core and level in front.
  static func stamped(_ level: KernelOptions.LogLevel, _ text: LogLine) -> LogLine {
    let microseconds = node.clock.microsecondsSinceBoot
    let fraction = microseconds % 1_000_000
    var line: LogLine = "[\(microseconds / 1_000_000, width: 5)."
    var scale: UInt64 = 100_000
    while scale > 0 {
      line.append(decimal: fraction / scale % 10)
      scale /= 10
    }
    line.append("] ")
    line.append(decimal: Core.currentIndex)
    line.append(byte: 0x20)
    line.append(level.name)
    line.append(byte: 0x20)
    for index in 0..<text.count { line.append(byte: text[index]) }
    return line
  }
}

let log = Log()
