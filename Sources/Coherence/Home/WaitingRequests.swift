import Wire

/// Requests that wait for their pages: lists in one pool, which is as large as all nodes' open requests together.
struct WaitingRequests: Sendable {
  private struct Place: Sendable {
    var request = HomeRequest(kind: .put, node: NodeID(0), known: .none)
    /// The next one in its list, or in that of free places, as the entries have it.
    var next: UInt16 = 0
  }

  private var places: [Place]
  private var firstFree: UInt16
  /// How many requests of each node wait.
  private var counts: [UInt16]
  private let limit: Int

  /// - Parameter limit: how many requests a node may have open; of all nodes together below 65,535.
  init(nodeCount: Int, limit: Int) {
    precondition(limit > 0 && nodeCount * limit < Int(UInt16.max))
    places = [Place](repeating: Place(), count: nodeCount * limit)
    for index in 0..<places.count - 1 { places[index].next = UInt16(index + 2) }
    firstFree = 1
    counts = [UInt16](repeating: 0, count: nodeCount)
    self.limit = limit
  }

  /// Puts a request at the end of `page`'s list. False: its node has too many waiting, or one on this page.
  mutating func append(_ request: HomeRequest, to page: inout HomePage) -> Bool {
    guard Int(counts[request.node.index]) < limit else { return false }
    var last: UInt16 = 0
    var place = page.firstWaiting
    while place != 0 {
      guard places[Int(place) - 1].request.node != request.node else { return false }
      last = place
      place = places[Int(place) - 1].next
    }
    place = firstFree
    guard place != 0 else { return false }
    firstFree = places[Int(place) - 1].next
    places[Int(place) - 1] = Place(request: request, next: 0)
    if last == 0 {
      page.firstWaiting = place
    } else {
      places[Int(last) - 1].next = place
    }
    counts[request.node.index] += 1
    return true
  }

  mutating func removeFirst(of page: inout HomePage) -> HomeRequest? {
    guard page.firstWaiting != 0 else { return nil }
    let place = Int(page.firstWaiting) - 1
    let request = places[place].request
    let next = places[place].next
    places[place].next = firstFree
    firstFree = page.firstWaiting
    page.firstWaiting = next
    counts[request.node.index] -= 1
    return request
  }

  /// The request at place `index` of `page`'s list; nil behind its end.
  func request(_ index: Int, of page: HomePage) -> HomeRequest? {
    var place = page.firstWaiting
    for _ in 0..<index where place != 0 { place = places[Int(place) - 1].next }
    return place == 0 ? nil : places[Int(place) - 1].request
  }
}
