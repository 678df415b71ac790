import Memory

/// A frame that is to be sent now: what `LinkTable.write` makes in the network interface's memory.
///
/// It must be written before anything else is done with the table, which has its header (`LinkTable.outgoing`).
public struct OutgoingFrame: Sendable {
  /// The frame of 4 KiB that has the lines of the page; nil where the frame has none.
  public internal(set) var page: HostPhysicalAddress?

  /// Where the table keeps the body.
  var slot: Int

  /// Bytes to be sent, without FCS.
  public internal(set) var count: Int
}
