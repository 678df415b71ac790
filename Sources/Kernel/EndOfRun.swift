import CPU

/// How the virtual machine ended.
enum EndOfRun: UInt8 {
  case powerOff = 1
  case reset
  case fault
  case panic
  case refused

  var name: StaticString {
    switch self {
    case .powerOff: "poweroff"
    case .reset: "reset"
    case .fault: "fault"
    case .panic: "panic"
    case .refused: "refused"
    }
  }

  /// Brings everything onto the wire and stops this PC.
  func leave() -> Never {
    disableInterrupts()
    unsafe node.console.pointee.isSynchronous = true
    unsafe node.console.pointee.write(line: "{\"end\": \"\(name)\"}", to: .report)
    unsafe node.console.pointee.drain()
    stopForGood()
  }
}
