import Ethernet

/// The candidates for a map with the lowest addresses, in the order of these.
struct CandidateList {
  private struct Candidate {
    var address: MACAddress
    var place: Int
  }

  private var table: [Candidate]
  private(set) var count = 0

  init(capacity: Int) {
    table = [Candidate](repeating: Candidate(address: MACAddress(0), place: 0), count: capacity)
  }

  /// The place of the candidate that is `index`-th, below `count`.
  func place(_ index: Int) -> Int { table[index].place }

  mutating func clear() { count = 0 }

  /// Takes one in. Of two with one address the first one stays; where there is no room the highest address goes.
  mutating func insert(_ address: MACAddress, place: Int) {
    var index = firstIndex(notBelow: address)
    guard index < table.count, index == count || table[index].address != address else { return }
    if count < table.count { count += 1 }
    var moving = Candidate(address: address, place: place)
    while index < count {
      swap(&table[index], &moving)
      index += 1
    }
  }

  private func firstIndex(notBelow address: MACAddress) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if table[middle].address < address { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
