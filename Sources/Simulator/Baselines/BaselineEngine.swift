import Cluster
import Coherence
import Ethernet
import Memory
import Node
import Wire

// What all baselines have in common: the same links as Big Iron, with the same frames, acknowledgements and costs, but
// without membership: all links are open from the start, and nobody says that he lives. That is to their advantage.

/// A baseline on one node. Its subclasses say what happens at a fault and at a message.
class BaselineEngine: SharingEngine {
  let id: NodeID
  let nodeCount: Int
  private var links: LinkTable<HostByteRoutines>
  private var pages: SimulatedPages
  private var actions = FIFO<NodeAction>()
  /// By receiver: what waits for room on the link.
  private var outbox: [FIFO<(message: BaselineMessage, page: OutgoingPage)>]
  /// By sender: the message of which not all fragments have come, and where its page goes.
  private var incoming: [(message: BaselineMessage, frame: HostPhysicalAddress)?]
  private var hasFormed = false

  init(_ index: Int, _ options: RunOptions, ram: SimulatedRAM, at now: Instant) {
    id = NodeID(UInt16(index))
    nodeCount = options.nodeCount
    pages = SimulatedPages(ram: ram)
    outbox = .init(repeating: FIFO(), count: nodeCount)
    incoming = .init(repeating: nil, count: nodeCount)
    var local = LocalNode(
      address: SimulatedNode.address(index), incarnation: SimulatedNode.incarnation(index),
      cluster: ClusterID(1))
    local.id = id
    links = LinkTable(local: local, nodeCount: nodeCount, routines: HostByteRoutines())
    for peer in 0..<nodeCount where peer != index {
      // It fails for links that have been there before: there are none.
      try? links.open(
        Peer(
          id: NodeID(UInt16(peer)), incarnation: SimulatedNode.incarnation(peer),
          address: SimulatedNode.address(peer)), at: now)
    }
  }

  // MARK: For subclasses

  func startMemory(_ options: RunOptions) {}
  func fault(_ page: PageNumber, _ access: PageAccess) -> Bool { false }
  func shotDown(_ page: PageNumber) {}
  func release(_ page: PageNumber) {}
  func expire(_ page: PageNumber) {}

  /// Where the page that comes with the message belongs.
  func frame(for message: BaselineMessage) -> HostPhysicalAddress { HostPhysicalAddress(0) }

  func take(_ message: BaselineMessage, from sender: NodeID) {}

  /// The links need the frame no more.
  func released(_ frame: HostPhysicalAddress) {}

  final func act(_ action: NodeAction) { actions.append(action) }

  final func clear(_ frame: HostPhysicalAddress) { pages.clear(frame) }

  /// Sends the message, with all of the page in `frame`.
  final func send(_ message: BaselineMessage, page frame: HostPhysicalAddress? = nil, to receiver: NodeID) {
    var message = message
    message.wordCount = (nodeCount + 63) / 64
    outbox[receiver.index].append((message, frame.map { .lines(.all, frame: $0) } ?? .none))
    flush(receiver.index)
  }

  // MARK: Frames

  final var deadline: Instant { hasFormed ? links.deadline : Instant(nanoseconds: 0) }
  final var hasFrames: Bool { links.hasFrames }

  final func receive(_ frame: Span<UInt8>, at now: Instant) {
    if case .message(let header) = links.receive(frame, at: now), header.kind == .coherence {
      take(header, frame)
    }
    release()
  }

  /// Takes a fragment.
  private func take(_ header: FrameHeader, _ frame: Span<UInt8>) {
    let sender = header.sender.index
    if !header.isContinuation {
      guard let message = try? BaselineMessage(header, in: frame) else { return }
      incoming[sender] = (message, self.frame(for: message))
    }
    guard let (message, target) = incoming[sender] else { return }
    var page = pages.mutableBytes(of: target)
    for run in header.pageRuns {
      let bytes = frame.extracting(run.frameOffset..<run.frameOffset + run.byteCount)
      HostByteRoutines().copy(bytes, to: &page, at: run.pageOffset)
    }
    guard !header.isContinued else { return }
    incoming[sender] = nil
    take(message, from: header.sender)
  }

  /// What may follow from any frame.
  private func release() {
    while let page = links.nextReleasedPage() { released(page.frame) }
    for receiver in outbox.indices where outbox[receiver].count > 0 { flush(receiver) }
  }

  private func flush(_ receiver: Int) {
    while let next = outbox[receiver].head {
      do {
        try links.send(next.message, page: next.page, to: NodeID(UInt16(receiver)))
      } catch { return }
      _ = outbox[receiver].removeFirst()
    }
  }

  final func advance(at now: Instant) { release() }

  final func writeFrame(to bytes: inout MutableSpan<UInt8>, at now: Instant) -> Int? {
    guard let frame = links.nextFrame(at: now) else { return nil }
    links.write(frame, page: pages.bytes(of: frame.page ?? HostPhysicalAddress(0)), to: &bytes)
    return frame.count
  }

  final func nextEvent() -> ClusterEvent? {
    guard !hasFormed else { return nil }
    hasFormed = true
    return .formed(Epoch(1))
  }

  final func nextAction() -> NodeAction? { actions.count > 0 ? actions.removeFirst() : nil }
}
