import CPU
import Firmware

/// How the virtual machine, or the attempt to have one, ended.
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

  /// Reports no more than how it ended, and stops this PC.
  func leave() -> Never {
    unsafe node.console.pointee.write(line: "{\"end\":\"\(name)\"}", to: .report)
    stopMachine()
  }

  /// Brings everything onto the wire and stops this PC.
  func stopMachine() -> Never {
    disableInterrupts()
    unsafe node.console.pointee.drain()
    Emulator.exit(self)
    stopForGood()
  }
}

/// How an emulator is told that the run is over, where `exit=` says that there is one.
enum Emulator {
  static func exit(_ end: EndOfRun) {
    switch node.options.exit {
    case .halt: break
    case .bochs:
      // Bochs drops into its debugger, whose script quits.
      for byte: UInt8 in [0x44] { writePort8(0x8900, byte) }
    case .qemu:
      // isa-debug-exit: the process ends with status 2 · value + 1.
      writePort8(0xF4, end.rawValue)
    }
  }
}
