import Coherence
import Wire

/// A trace as a message sequence chart: a column for each node, a line for each step, with the messages that it sends.
struct SequenceChart {
  private var lines: [String] = []
  private let width = 26

  init<Rules: ProtocolRules>(_ path: [Step], _ configuration: CheckConfiguration, rules: Rules) {
    var world = World(configuration, rules: rules)
    header(world)
    for (index, step) in path.enumerated() {
      let before = world
      world.take(step)
      add(index + 1, step, before, world)
    }
  }

  var text: String { lines.joined(separator: "\n") }

  private mutating func header<Rules>(_ world: World<Rules>) {
    var line = "     "
    for node in 0..<world.nodeCount {
      let pages = (0..<world.pageCount).filter { world.home(of: $0) == node }.map { "\($0)" }
      let home = pages.isEmpty ? "" : ", home of page \(pages.joined(separator: ", "))"
      line += Self.pad("node \(node)\(home)", width)
    }
    lines.append(line)
  }

  private mutating func add<Rules>(_ number: Int, _ step: Step, _ before: World<Rules>, _ after: World<Rules>)
  {
    let node = Int(step.node)
    var cells = [String](repeating: "", count: after.nodeCount)
    cells[node] = Self.describe(step, before)
    lines.append(Self.pad("\(number)", 5) + cells.map { Self.pad($0, width) }.joined())
    cells = [String](repeating: "", count: after.nodeCount)
    cells[node] = Self.states(node, before, after)
    if !cells[node].isEmpty { lines.append(Self.pad("", 5) + cells.map { Self.pad($0, width) }.joined()) }
    for receiver in 0..<after.nodeCount where receiver != node {
      let index = node * after.nodeCount + receiver
      for packet in after.queues[index].dropFirst(before.queues[index].count) {
        lines.append(Self.pad("", 5) + arrow(node, receiver, Self.describe(packet)))
      }
    }
  }

  /// An arrow between two columns, with what it carries.
  private func arrow(_ from: Int, _ to: Int, _ text: String) -> String {
    let left = min(from, to)
    let length = abs(from - to) * width - 4
    let label = " " + text + " "
    let dashes = max(length - label.count, 2)
    let body =
      String(repeating: "─", count: dashes / 2) + label + String(repeating: "─", count: dashes - dashes / 2)
    return String(repeating: " ", count: left * width + 2) + (from < to ? body + "►" : "◄" + body)
  }

  private static func describe<Rules>(_ step: Step, _ world: World<Rules>) -> String {
    let other = Int(step.other)
    switch step.kind {
    case .readFault: return "reads page \(other)"
    case .writeFault, .pinnedWriteFault: return "wants to write page \(other)"
    case .write: return "writes page \(other)"
    case .evict: return "evicts page \(other)"
    case .forget: return "forgets page \(other)"
    case .shotDown: return "shootdown of \(other) done"
    case .execute: return "executes"
    case .release: return "unpins page \(other)"
    case .deliver:
      let packet = world.queues[other * world.nodeCount + Int(step.node)][0]
      return "◄ \(packet.message.kind) from \(other)"
    }
  }

  private static func describe(_ packet: Packet) -> String {
    let message = packet.message
    var text = "\(message.kind) \(message.page.value)"
    if message.kind.namesRequester { text += " for \(message.requester.value)" }
    if message.acknowledgements > 0 { text += ", \(message.acknowledgements) acks" }
    if message.kind == .data { text += message.isExclusive ? ", exclusive" : ", shared" }
    if message.content != .none { text += ", \(message.content)" }
    return text
  }

  /// How the states of pages on the node have changed.
  private static func states<Rules>(_ node: Int, _ before: World<Rules>, _ after: World<Rules>) -> String {
    var parts: [String] = []
    for page in 0..<after.pageCount {
      let old = before.cachePage(node, page).state
      let new = after.cachePage(node, page).state
      if old != new { parts.append("\(page): \(old.symbol)→\(new.symbol)") }
      guard after.home(of: page) == node else { continue }
      let oldHome = before.homePage(page).state
      let newHome = after.homePage(page).state
      if oldHome != newHome { parts.append("home \(page): \(oldHome.symbol)→\(newHome.symbol)") }
    }
    return parts.joined(separator: ", ")
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
  }
}
