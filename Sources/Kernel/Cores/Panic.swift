import Assembly
import CPU
import Firmware
import Memory
import Synchronization

// The end of everything: one report on the console, every core stopped.
//
// The core that panics first stops the others by NMI, takes the console over without its lock (its holder may
// be the one that failed), and prints the registers and the chain of return addresses that frame pointers link,
// each with the name of its function.

/// Stops this core for good.
func stopForGood() -> Never {
  while true {
    disableInterrupts()
    halt()
  }
}

/// A state that the kernel cannot go on from.
func panic(_ message: LogLine) -> Never {
  beginPanic(message)
  Backtrace(framePointer: readFramePointer()).print()
  endPanic()
}

/// An exception in our own code.
func panic(exception frame: UnsafeMutablePointer<interrupt_frame>) -> Never {
  let frame = unsafe frame.pointee
  let name = exceptionName(frame.vector)
  beginPanic("\(name) at \(hex: frame.rip), error code \(hex: frame.errorCode)")
  panicLine(
    "rax \(hex: frame.rax, digits: 16)  rbx \(hex: frame.rbx, digits: 16)  rcx \(hex: frame.rcx, digits: 16)")
  panicLine(
    "rdx \(hex: frame.rdx, digits: 16)  rsi \(hex: frame.rsi, digits: 16)  rdi \(hex: frame.rdi, digits: 16)")
  panicLine(
    "rbp \(hex: frame.rbp, digits: 16)  rsp \(hex: frame.rsp, digits: 16)  r8  \(hex: frame.r8, digits: 16)")
  panicLine(
    "r9  \(hex: frame.r9, digits: 16)  r10 \(hex: frame.r10, digits: 16)  r11 \(hex: frame.r11, digits: 16)")
  panicLine(
    "r12 \(hex: frame.r12, digits: 16)  r13 \(hex: frame.r13, digits: 16)  r14 \(hex: frame.r14, digits: 16)")
  panicLine(
    "r15 \(hex: frame.r15, digits: 16)  rip \(hex: frame.rip, digits: 16)  rfl \(hex: frame.rflags, digits: 16)"
  )
  panicLine(
    "cr0 \(hex: readCR0(), digits: 16)  cr2 \(hex: readCR2(), digits: 16)  cr3 \(hex: readCR3(), digits: 16)")
  Backtrace(framePointer: frame.rbp).print(startingAt: frame.rip)
  endPanic()
}

private func beginPanic(_ message: LogLine) {
  disableInterrupts()
  guard Node.exists else { panicBeforeBoot(message) }
  if node.hasPanicked.exchange(true, ordering: .acquiringAndReleasing) { stopForGood() }
  node.apic.stopOtherCores()
  unsafe node.console.pointee.isSynchronous = true
  var line: LogLine = "panic: "
  for index in 0..<message.count { line.append(byte: message[index]) }
  panicLine(line)
}

/// There is no console yet: the text alone, on COM1.
private func panicBeforeBoot(_ message: LogLine) -> Never {
  let port = SerialPort(base: 0x3F8)
  if port.initialise() {
    for index in 0..<message.count {
      while !port.canTransmit { pause() }
      port.transmit(message[index])
    }
  }
  stopForGood()
}

private func endPanic() -> Never {
  panicLine("all cores of this node are stopped")
  EndOfRun.panic.leave()
}

/// Prints a line of a report without asking for the console's lock.
func panicLine(_ line: LogLine) {
  unsafe node.console.pointee.write(line: Log.stamped(.error, line), to: .log)
}

/// Names of the exceptions (SDM Vol. 3A, table 6-1).
private func exceptionName(_ vector: UInt64) -> StaticString {
  switch vector {
  case 0: "#DE divide error"
  case 1: "#DB debug exception"
  case 3: "#BP breakpoint"
  case 6: "#UD invalid opcode (a trap of the compiler's)"
  case 7: "#NM device not available"
  case 8: "#DF double fault"
  case 10: "#TS invalid TSS"
  case 11: "#NP segment not present"
  case 12: "#SS stack fault"
  case 13: "#GP general protection"
  case 14: "#PF page fault"
  case 16: "#MF x87 error"
  case 17: "#AC alignment check"
  case 18: "#MC machine check"
  case 19: "#XM SIMD error"
  default: "exception"
  }
}
