import Memory
import Wire

/// What a node keeps of pings: its own page for them, frames for the pages of others, and what is under way.
///
/// A page that comes with a ping is put together in a frame, and goes back from there with the pong; the frame is free
/// again when that is acknowledged. Where no frame is free, the pong has no page.
struct PingState {
  /// The page that own pings carry.
  let pattern: HostPhysicalAddress
  /// The first `freeCount` are free.
  private var frames: [HostPhysicalAddress]
  private var freeCount: Int
  /// The message that is under way from each node.
  private var incoming: [Incoming?]
  private var pongs = InlineArray<8, Pong?>(repeating: nil)
  private var firstPong = 0
  private var pongCount = 0
  /// Pongs of this node's that found no room on their link; the first `heldCount` count.
  private var held = InlineArray<16, HeldPong?>(repeating: nil)
  private(set) var heldCount = 0

  /// A message of which not all fragments are there.
  struct Incoming {
    var ping: Ping
    var lines: PageLines = []
    var frame: HostPhysicalAddress?
  }

  struct HeldPong {
    var receiver: NodeID
    var pong: Ping
    var page: OutgoingPage
  }

  /// - Parameter frames: at least one; the first is for the pattern.
  init(frames: [HostPhysicalAddress], nodeCount: Int) {
    precondition(!frames.isEmpty)
    pattern = frames[0]
    self.frames = frames
    self.frames.swapAt(0, frames.count - 1)
    freeCount = frames.count - 1
    incoming = [Incoming?](repeating: nil, count: nodeCount)
  }

  mutating func takeFrame() -> HostPhysicalAddress? {
    guard freeCount > 0 else { return nil }
    freeCount -= 1
    return frames[freeCount]
  }

  mutating func giveBack(_ frame: HostPhysicalAddress) {
    guard frame != pattern else { return }
    frames[freeCount] = frame
    freeCount += 1
  }

  /// Takes what is under way from `id` out; whoever does not put it back owns its frame.
  @inline(__always)
  mutating func take(from id: NodeID) -> Incoming? {
    let message = incoming[id.index]
    incoming[id.index] = nil
    return message
  }

  mutating func put(back message: Incoming, from id: NodeID) { incoming[id.index] = message }

  /// Forgets what is under way from `id`.
  @inline(__always)
  mutating func abandon(_ id: NodeID) {
    guard incoming[id.index] != nil, let frame = take(from: id)?.frame else { return }
    giveBack(frame)
  }

  mutating func append(_ pong: Pong) {
    guard pongCount < 8 else { return }
    pongs[(firstPong + pongCount) & 7] = pong
    pongCount += 1
  }

  mutating func nextPong() -> Pong? {
    guard pongCount > 0 else { return nil }
    defer {
      firstPong = (firstPong + 1) & 7
      pongCount -= 1
    }
    return pongs[firstPong]
  }

  /// Keeps a pong until its link has room; false where there is no room for it either.
  mutating func hold(_ pong: HeldPong) -> Bool {
    guard heldCount < 16 else { return false }
    held[heldCount] = pong
    heldCount += 1
    return true
  }

  /// Takes out the first of those that are held.
  mutating func takeHeld() -> HeldPong? {
    guard heldCount > 0 else { return nil }
    let pong = held[0]
    for index in 1..<heldCount { held[index - 1] = held[index] }
    heldCount -= 1
    return pong
  }
}
