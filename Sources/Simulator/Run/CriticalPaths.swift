import Wire

// How many messages a fault had to wait for, one after another: each message of a fault comes one after the longest row of
// such messages that its sender had got before. Others' transactions that the fault waits for are not counted; messages that
// are on their way at the same time count once. What is sent again is left out, so counts hold where nothing is lost.

/// The messages of all faults that are open, by how many precede each.
struct CriticalPaths {
  /// A message as part of a fault.
  struct Step {
    var requester: Int
    var page: Int
    /// Which of the requester's faults on the page it is.
    var serial: UInt32
    /// How many messages there are up to this one.
    var length: Int
  }

  private let pageCount: Int
  /// By requester and page: how many requests have been sent, and faults ended.
  private var serials: [UInt32]
  /// By node, requester and page: the longest row that has come.
  private var lengths: [Key: Length] = [:]

  private struct Key: Hashable {
    var parties: UInt32
    var page: UInt32

    init(_ node: Int, _ requester: Int, _ page: Int) {
      parties = UInt32(node) << 16 | UInt32(requester)
      self.page = UInt32(page)
    }
  }

  private struct Length {
    var serial: UInt32
    var length: Int
  }

  init(nodeCount: Int, pageCount: Int) {
    self.pageCount = pageCount
    serials = [UInt32](repeating: 0, count: nodeCount * pageCount)
  }

  /// The step that a frame, sent for the first time, is; nil of what no fault waits for.
  mutating func send(_ frame: [UInt8], from sender: Int) -> Step? {
    guard frame[FrameField.kind] == MessageKind.coherence.rawValue,
      FrameField.uint16(frame, FrameField.bodyCount) > 0
    else { return nil }
    let kind = frame[FrameField.body]
    let isRequest = kind <= 2
    // Forwards, invalidations and grants; contents and acknowledgements. Baselines have the same numbers.
    guard isRequest || (4...7).contains(kind) || (12...13).contains(kind) else { return nil }
    let named = FrameField.uint16(frame, FrameField.body + 4)
    let receiver = Int(FrameField.uint16(frame, FrameField.receiver))
    let requester = named == UInt16.max ? (isRequest ? sender : receiver) : Int(named)
    let page = Int(FrameField.uint32(frame, FrameField.body + 8))
    let place = requester * pageCount + page
    // What was asked for without a fault has not been ended.
    if isRequest, sender == requester { serials[place] &+= 1 }
    return Step(
      requester: requester, page: page, serial: serials[place],
      length: length(at: sender, of: requester, page) + 1)
  }

  mutating func arrive(_ step: Step, at node: Int) {
    let key = Key(node, step.requester, step.page)
    if let known = lengths[key], known.serial == step.serial, known.length >= step.length { return }
    lengths[key] = Length(serial: step.serial, length: step.length)
  }

  /// A fault of `node` on the page has ended; how many messages it had to wait for.
  mutating func end(at node: Int, _ page: Int) -> Int {
    defer { serials[node * pageCount + page] &+= 1 }
    return length(at: node, of: node, page)
  }

  private func length(at node: Int, of requester: Int, _ page: Int) -> Int {
    guard let known = lengths[Key(node, requester, page)],
      known.serial == serials[requester * pageCount + page]
    else { return 0 }
    return known.length
  }
}
