import Coherence

/// A renaming of nodes and pages that leaves each page at its home.
struct Symmetry {
  /// The new number of each node, and the other way round.
  var newNode: [Int]
  var oldNode: [Int]
  var newPage: [Int]
  var oldPage: [Int]

  static func identity(_ configuration: CheckConfiguration) -> Symmetry {
    let nodes = Array(0..<configuration.nodeCount)
    let pages = Array(0..<configuration.pageCount)
    return Symmetry(newNode: nodes, oldNode: nodes, newPage: pages, oldPage: pages)
  }

  /// All renamings, the one that changes nothing included.
  static func all(_ configuration: CheckConfiguration) -> [Symmetry] {
    var homes: [Int] = []
    for node in 0..<configuration.nodeCount {
      homes += [Int](repeating: node, count: configuration.pagesAtHome[node])
    }
    var result: [Symmetry] = []
    for nodes in permutations(configuration.nodeCount) {
      for pages in permutations(configuration.pageCount)
      where pages.indices.allSatisfy({ homes[pages[$0]] == nodes[homes[$0]] }) {
        result.append(
          Symmetry(newNode: nodes, oldNode: inverse(nodes), newPage: pages, oldPage: inverse(pages)))
      }
    }
    return result
  }

  /// All renamings of nodes, whatever becomes of the pages.
  static func renamings(ofNodes count: Int) -> [Symmetry] {
    permutations(count).map { Symmetry(newNode: $0, oldNode: inverse($0), newPage: [], oldPage: []) }
  }

  private static func permutations(_ count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return permutations(count - 1).flatMap { shorter in
      (0..<count).map { place in
        var longer = shorter
        longer.insert(count - 1, at: place)
        return longer
      }
    }
  }

  private static func inverse(_ permutation: [Int]) -> [Int] {
    var inverse = permutation
    for index in permutation.indices { inverse[permutation[index]] = index }
    return inverse
  }
}
