/// What came of a received frame.
public enum Reception: Equatable, Sendable {
  /// The next message of a link, or the next fragment of one: each comes once and in the order in which it was sent.
  ///
  /// The body is in the first fragment, the page's lines are spread over all (`FrameHeader.pageRuns`). Fragments of two
  /// messages of one sender are never mixed, so that there is one page under way for each peer, at most.
  case message(FrameHeader)

  /// A message without a link: possibly from a stranger, possibly not for the first time, possibly late. `isFromPeer`
  /// says whether there is a link to its sender, in this incarnation.
  case datagram(FrameHeader, isFromPeer: Bool)

  /// Nothing that concerns anybody but the link: an acknowledgement or a duplicate.
  case nothing

  /// The frame was dropped and counted.
  case dropped(FrameError)

  /// The peer sent what no correct peer sends. The frame was dropped and counted, and the link is closed.
  case broken(NodeID, FrameError)
}
