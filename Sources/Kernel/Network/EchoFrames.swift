import Ethernet
import CPU
import E1000
import Firmware

// `debug.echo`: a test of the controller, the cable and the switch, and of this driver on a controller that nobody has
// tried it on. Another machine sends frames of the EtherType that is free for local experiments (88B5H, IEEE 802) to this
// one or to all, and gets each of them back, with the addresses exchanged.

/// Sends back as many frames as the options ask for.
func echoFrames(_ nic: inout NIC) {
  let wanted = UInt64(node.options.debugEcho)
  guard wanted > 0 else { return }
  log.info("NIC: \(wanted) frames of type 88b5 will be sent back before the guest starts")
  var count: UInt64 = 0
  nic.doorbell.set(true)
  while count < wanted {
    let before = count
    while count < wanted, nic.receiver.advance() {
      if reply(&nic) { count += 1 }
    }
    nic.receiver.flush()
    nic.transmitter.flush()
    if let event = nic.supervise(now: node.clock.microsecondsSinceBoot) { reportController(event) }
    nic.count(DoorbellInterrupt.takeCauses())
    if count == before { sleep() }
  }
  nic.doorbell.set(false)
  Core.arm(.max)
  nic.readLineCounters()
  reportCounters(nic)
}

/// Waits for the doorbell, but not for longer than a millisecond: where it is not connected the frame is there anyway.
private func sleep() {
  Core.arm(readTSC() &+ node.clock.ticks(microseconds: 1000))
  waitForInterrupt()
}

/// Sends the frame at hand back, if it is for us to do so.
private func reply(_ nic: inout NIC) -> Bool {
  let address = nic.address
  return nic.withRings { receiver, transmitter in
    reply(to: receiver.frame, from: address, through: &transmitter)
  }
}

private func reply(
  to frame: Span<UInt8>, from address: MACAddress,
  through transmitter: inout TransmitRing<ControllerRegisters, DMARun>
) -> Bool {
  guard frame[12] == 0x88, frame[13] == 0xB5, var answer = transmitter.nextFrame() else { return false }
  for index in 0..<6 {
    answer[index] = frame[6 + index]
    answer[6 + index] = UInt8(truncatingIfNeeded: address.value >> UInt64(8 * (5 - index)))
  }
  for index in 12..<frame.count { answer[index] = frame[index] }
  transmitter.send(frame.count)
  return true
}

private func reportCounters(_ nic: borrowing NIC) {
  let received = nic.receiver.counters
  let sent = nic.transmitter.counters
  let line = nic.lineCounters
  log.info(
    "NIC: received \(received.frames) frames, \(received.bytes) bytes; dropped \(received.badChecksums) bad, \(received.otherErrors) broken, \(received.tooShort) short, \(received.tooLong) long"
  )
  log.info(
    "NIC: sent \(sent.frames) frames, \(sent.bytes) bytes; refused \(sent.refusedFull) for a full ring, \(sent.refusedNoLink) without link"
  )
  log.info(
    "NIC: on the line \(line.received) received, \(line.sent) sent, \(line.missed) missed, \(nic.linkLossCount) losses of the link, \(nic.overrunCount) overruns"
  )
}
