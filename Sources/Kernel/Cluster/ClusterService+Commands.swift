import Ethernet
import Firmware
import CPU
import Cluster
import Debug
import E1000
import Node
import Wire

/// An answer of many lines, put out as the console has room: a slow line must not keep the node from its peers.
enum Listing {
  /// Members from this number on.
  case nodes(from: Int)
  /// Links to the nodes from this number on.
  case links(from: Int)
}

extension ClusterService {
  mutating func pollConsole() {
    if listing != nil { continueListing() }
    switch commandLine.poll() {
    case .editing: break
    case .interrupt:
      pingRun.end()
      listing = nil
      prompt()
    case .complete where pingRun.isActive || listing != nil:
      commandLine.write("error: the last command still runs; Ctrl-C ends it")
    case .complete: obey()
    }
  }

  func prompt() { commandLine.prompt(engine.links.local.id) }

  private mutating func obey() {
    do {
      guard let command = try Command(commandLine.text, pingSizes: Engine.pingSizes) else { return prompt() }
      obey(command)
    } catch {
      commandLine.write(line(error))
      prompt()
    }
  }

  private mutating func obey(_ command: Command) {
    switch command {
    case .help: help()
    case .nodes: listing = .nodes(from: 0)
    case .net:
      showController()
      listing = .links(from: 0)
    case .clock: showClock()
    case .ping(let id, let count, let size): return startPing(NodeID(id), count, size)
    case .shutdown:
      isEnding = true
      return
    }
    if listing == nil { prompt() }
  }

  private func line(_ error: CommandError) -> LogLine {
    switch error {
    case .unknown: "error: there is no such command; help lists them"
    case .arguments(let name):
      "error: usage: \(CommandDefinition.all[name.rawValue].name)\(CommandDefinition.all[name.rawValue].arguments)"
    case .number(let argument, let range):
      "error: argument \(argument) must be a number from \(range.lowerBound) to \(range.upperBound)"
    }
  }

  private func help() {
    let all = CommandDefinition.all
    for index in all.indices {
      commandLine.write("\(all[index].name)\(all[index].arguments): \(all[index].summary)")
    }
  }

  // MARK: Listings

  private mutating func continueListing() {
    node.consoleLock.withLock { unsafe node.console.pointee.poll() }
    while let listing, commandLine.room > 4 * LogLine.capacity {
      switch listing {
      case .nodes(let start): self.listing = showMember(from: start)
      case .links(let start): self.listing = showLink(from: start)
      }
    }
    if listing == nil { prompt() }
  }

  private func showMember(from start: Int) -> Listing? {
    guard let id = engine.membership.map.members.first(from: start), let member = engine.membership.map[id]
    else {
      if start == 0 {
        commandLine.write("no cluster yet: \(node.options.nodes) nodes have to find each other")
      }
      return nil
    }
    let offer = member.announcement
    commandLine.write(
      "node \(id.value): \(member.peer.address), incarnation \(hex: member.peer.incarnation.value), \(offer.coreCount) \(offer.coreCount == 1 ? "core" : "cores"), \(offer.memorySize >> 20) MiB, TSC \(offer.tscFrequency / 1_000_000) MHz, version \(offer.software.major).\(offer.software.minor).\(offer.software.patch)\(standing(id))"
    )
    return .nodes(from: id.index + 1)
  }

  private func standing(_ id: NodeID) -> StaticString {
    if id == engine.links.local.id { return ", this one" }
    return engine.membership.suspected.contains(id) ? ", silent" : ""
  }

  private func showLink(from start: Int) -> Listing? {
    let links = engine.links.peers
    guard let id = links.first(from: start) else { return nil }
    let now = instant
    let silence = engine.links.lastHeard(id).map { now.since($0) } ?? 0
    let counters = engine.links.counters(id)
    if let time = engine.links.roundTripTime(id) {
      commandLine.write(
        "link to node \(id.value): heard \(silence / 1_000_000) ms ago, round trip \(microseconds: time) us")
    } else {
      commandLine.write("link to node \(id.value): heard \(silence / 1_000_000) ms ago, round trip unknown")
    }
    commandLine.write(
      "  sent \(counters.messagesSent) messages in \(counters.framesSent) frames, \(counters.retransmissions) frames again after \(counters.timeouts) timeouts and \(counters.gapsHeard) gaps, \(counters.acknowledgementsSent) acknowledgements"
    )
    commandLine.write(
      "  received \(counters.messagesReceived) messages in \(counters.framesReceived) frames, \(counters.duplicates) duplicates, \(counters.early) too early, \(counters.acknowledgementsReceived) acknowledgements"
    )
    return .links(from: id.index + 1)
  }

  // MARK: Answers of a few lines

  private func showController() {
    unsafe commandLine.write(
      "controller: \(nic.pointee.model.name), \(nic.pointee.address), \(nic.pointee.link)")
    let received = unsafe nic.pointee.receiver.counters
    let sent = unsafe nic.pointee.transmitter.counters
    let line = unsafe nic.pointee.lineCounters
    commandLine.write(
      "  received \(received.frames) frames, \(received.bytes) bytes; dropped \(received.badChecksums) bad, \(received.otherErrors) broken, \(received.tooShort) short, \(received.tooLong) long, \(line.missed) missed"
    )
    commandLine.write(
      "  sent \(sent.frames) frames, \(sent.bytes) bytes; refused \(sent.refusedFull) for a full ring, \(sent.refusedNoLink) without link, \(sent.lost) lost by a restart"
    )
    var drops: LogLine = "frames dropped: \(engine.links.drops.total)"
    for index in 0..<UInt8(FrameError.count) {
      guard let error = FrameError(rawValue: index), engine.links.drops[error] > 0 else { continue }
      drops.append(", ")
      drops.append(decimal: engine.links.drops[error])
      drops.append(" ")
      drops.append(error.name)
    }
    commandLine.write(drops)
    commandLine.write(
      "pings: \(engine.receivedPingCount) pings and pongs received, \(pingTicks) ticks of work in \(pingRounds) rounds, \(engine.curtailedPings) curtailed"
    )
  }

  private func showClock() {
    let now = instant
    guard let time = engine.membership.clock.time(at: now) else {
      return commandLine.write("error: there is no cluster time yet")
    }
    let bound = engine.membership.clock.errorBound(at: now)
    if let bound {
      commandLine.write("cluster time \(seconds: time) s, at most \(microseconds: bound) us off")
    } else {
      commandLine.write("cluster time \(seconds: time) s, off by an unknown time")
    }
  }

  var instant: Instant { Instant(nanoseconds: node.clock.nanosecondsSinceBoot(at: readTSC())) }

  // MARK: Ping

  private mutating func startPing(_ id: NodeID, _ count: Int, _ size: Int) {
    guard engine.links.peers.contains(id) else {
      commandLine.write("error: there is no link to node \(id)")
      return prompt()
    }
    pingRun.begin(id, count: count, size: size, ticksBefore: pingTicks)
    sendPing(instant)
  }

  /// Takes the answers that have come, and sends the next ping.
  mutating func takePongs(_ now: Instant) {
    while let pong = engine.nextPong() {
      guard pong.sender == pingRun.id else { continue }
      let isPage = pingRun.size > FrameLayout.maximumLinkBodyCount
      let lines = isPage ? PageLines.first(byteCount: pingRun.size).count : 0
      let isIntact = pong.isIntact && pong.lineCount == lines
      let time = pong.receivedAt.since(pong.sentAt)
      if pingRun.take(pong.number, after: time, isIntact: isIntact), !pingRun.isOver { sendPing(now) }
    }
  }

  private mutating func sendPing(_ now: Instant) {
    do {
      pingRun.isHeldBack = false
      try engine.ping(pingRun.id, number: pingRun.number, size: pingRun.size, at: now)
    } catch {
      if error == .full { pingRun.isHeldBack = true } else { linkClosed(pingRun.id) }
    }
  }

  /// Sends the ping that found no room on its link.
  mutating func retryPing() {
    if pingRun.isActive, pingRun.isHeldBack { sendPing(instant) }
  }

  /// Says how it went, when all have come back.
  mutating func finishPing() {
    guard pingRun.isOver else { return }
    let ticks = (pingTicks &- pingRun.ticksBefore) / UInt64(pingRun.count)
    let times = pingRun.summary()
    commandLine.write(
      "node \(pingRun.id): \(pingRun.count) times \(pingRun.size) bytes there and back: minimum \(microseconds: UInt64(times.minimum)) us, median \(microseconds: UInt64(times.median)) us, p99 \(microseconds: UInt64(times.percentile99)) us, \(ticks) ticks of work here each"
    )
    if pingRun.damagedCount > 0 { commandLine.write("error: \(pingRun.damagedCount) came back damaged") }
    pingRun.end()
    prompt()
  }

  /// The link to a node has gone, and with it its answers.
  mutating func linkClosed(_ id: NodeID) {
    if pingRun.id == id { endPing("error: node \(id) is no member any more") }
  }

  /// Ends the ping that runs, if one does.
  mutating func endPing(_ reason: LogLine) {
    guard pingRun.isActive else { return }
    pingRun.end()
    commandLine.write(reason)
    prompt()
  }
}
