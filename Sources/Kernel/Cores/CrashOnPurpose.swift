import CPU
import Firmware

/// `debug.crash`: what a failure of our own looks like.
func crashIfAsked() {
  switch node.options.debugCrash {
  case .none, .entry: break
  case .exception: _ = readMMIO32(8)
  case .stack: _ = overrun(1)
  }
}

/// Calls itself until the stack is used up.
@inline(never)
@_optimize(none)
private func overrun(_ depth: UInt64) -> UInt64 {
  depth == .max ? 0 : depth &+ overrun(depth &+ readTSC())
}
