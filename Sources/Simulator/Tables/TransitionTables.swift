import Coherence

/// The tables of both sides as Markdown, made by asking the code.
struct TransitionTables {
  var text: String {
    (["### Cache side: states", ""] + cacheStates()
      + ["", "### Cache side: what can happen when", ""] + cacheOverview()
      + ["", "### Cache side: transitions", ""] + cacheLines()
      + ["", "### Home side: states", ""] + homeStates()
      + ["", "### Home side: transitions", ""] + homeLines())
      .joined(separator: "\n")
  }

  private func cacheStates() -> [String] {
    ["| | state | open | frame valid | shootdown |", "|---|---|---|---|---|"]
      + CacheState.allCases.map { state in
        let flags = [state.isOpen, state.isValid, state.isShootingDown].map { $0 ? "yes" : "" }
        return "| \(state.symbol) | \(state) | \(flags.joined(separator: " | ")) |"
      }
  }

  /// Next states alone: states down, events across.
  private func cacheOverview() -> [String] {
    let events = CacheTable.events.reduce(into: [(name: String, variants: [CacheTable.Event])]()) {
      list, event in
      if list.last?.name == event.name {
        list[list.count - 1].variants.append(event)
      } else {
        list.append((event.name, [event]))
      }
    }
    let lines = CacheState.allCases.map { state in
      let cells = events.map { event in
        var next: [String] = []
        for situation in CacheTable.situations(state) {
          for variant in event.variants {
            guard let outcome = CacheTable.outcome(situation, variant) else { continue }
            let symbol = "\(outcome.next.state.symbol)"
            if !next.contains(symbol) { next.append(symbol) }
          }
        }
        return next.isEmpty ? "–" : next.joined(separator: ", ")
      }
      return "| **\(state.symbol)** | " + cells.joined(separator: " | ") + " |"
    }
    return ["| | " + events.map(\.name).joined(separator: " | ") + " |"]
      + ["|---|" + String(repeating: "---|", count: events.count)] + lines
  }

  private func cacheLines() -> [String] {
    var lines = ["| state | event | what the cache does | next |", "|---|---|---|---|"]
    for state in CacheState.allCases {
      let situations = CacheTable.situations(state)
      for event in CacheTable.events {
        var plain: String?
        for situation in situations {
          guard let outcome = CacheTable.outcome(situation, event) else { continue }
          let result = "\(outcome.actions) | \(outcome.next.state.symbol)"
          // A situation has a line where it makes a difference; an unpinned page need not be released.
          if result == plain || (event.isRelease && outcome.next == situation.page) { continue }
          plain = plain ?? result
          let place = ["\(state.symbol)", situation.condition].filter { !$0.isEmpty }.joined(separator: ", ")
          let cause = ["\(event.name)", event.condition].filter { !$0.isEmpty }.joined(separator: ", ")
          lines.append("| \(place) | \(cause) | \(result) |")
        }
      }
    }
    return lines
  }

  private func homeStates() -> [String] {
    ["| | state | busy |", "|---|---|---|"]
      + HomeState.allCases.map { "| \($0.symbol) | \($0) | \($0.isBusy ? "yes" : "") |" }
  }

  private func homeLines() -> [String] {
    var lines = ["| state | message | what the home does | next |", "|---|---|---|---|"]
    for situation in HomeTable.situations {
      for event in HomeTable.events {
        guard let outcome = HomeTable.outcome(situation, event) else { continue }
        let place = ["\(situation.state.symbol)", situation.condition].filter { !$0.isEmpty }
          .joined(separator: ", ")
        lines.append("| \(place) | \(event.kind) | \(outcome.actions) | \(outcome.next.symbol) |")
      }
    }
    return lines
  }
}
