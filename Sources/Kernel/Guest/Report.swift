import CPU
import EPT
import Machine
import VCPU

/// The end of a virtual machine, told to people (the log) and to programs (one JSON object on the report channel).
func report<Host: Backend>(_ machine: UnsafeMutablePointer<VirtualMachine<Host>>) -> Never {
  unsafe machine.pointee.finishCluster()
  let end = unsafe machine.pointee.ended ?? .fault
  switch end {
  case .powerOff: log.info("guest powered off")
  case .reset: log.info("guest reset")
  default: log.error("guest stopped")
  }
  var out = JSONWriter()
  out.open()
  out.field("end", end.name)
  out.field("version", Version.text)
  out.field("tscFrequency", node.clock.frequency)
  out.field("microseconds", node.clock.microsecondsSinceBoot)
  out.openList("cores")
  for index in 0..<node.coreCount {
    out.open()
    out.field("strayNMIs", unsafe node.cores[index].strayNMICount)
    out.field("strayInterrupts", unsafe node.cores[index].strayInterruptCount)
    out.close()
  }
  out.closeList()
  out.openList("vcpus")
  for index in 0..<(unsafe machine.pointee.processorCount) {
    let counters = unsafe machine.pointee.processors[index].counters
    let registers = unsafe machine.pointee.processors[index].registers
    out.open()
    out.field("cpuid", counters.cpuid)
    out.field("rdmsr", counters.readMSR)
    out.field("wrmsr", counters.writeMSR)
    out.field("port", counters.port)
    out.field("firstTouch", counters.firstTouch)
    out.field("mmio", counters.mmio)
    out.field("hole", counters.hole)
    out.field("hlt", counters.halt)
    out.field("hostInterrupt", counters.hostInterrupt)
    out.field("timeOver", counters.timeOver)
    out.field("window", counters.window)
    out.field("controlRegister", counters.controlRegister)
    out.field("invalidatedPage", counters.invalidatedPage)
    out.field("shadowFill", counters.shadowFill)
    out.field("guestPageFault", counters.guestPageFault)
    if let shadow = unsafe machine.pointee.processors[index].shadow {
      out.field("shadowEvictions", unsafe shadow.pointee.counters.evictions)
      out.field("shadowExhaustions", unsafe shadow.pointee.counters.exhaustions)
    }
    out.field("other", counters.other)
    if unsafe machine.pointee.isDistributed { out.field("remoteIPIs", counters.remoteIPIs) }
    out.field("unknownMSRReads", registers.unknownReads)
    out.field("unknownMSRWrites", registers.unknownWrites)
    out.field("guestTicks", counters.guestTicks)
    out.field("idleTicks", counters.idleTicks)
    out.close()
  }
  out.closeList()
  unsafe machine.pointee.writeCluster(&out)
  let unclaimed = unsafe machine.pointee.unclaimedPorts()
  out.field("movedPages", UInt64(unsafe machine.pointee.movedPages))
  out.field("unclaimedPortReads", unclaimed.reads)
  out.field("unclaimedPortWrites", unclaimed.writes)
  out.close()
  out.finish()
  end.stopMachine()
}
