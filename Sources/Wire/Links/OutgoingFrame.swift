import Ethernet
import Memory

/// A frame that is to be sent now: what `LinkTable.write` makes in the network interface's memory.
///
/// It must be written before anything else is done with the table.
public struct OutgoingFrame: Sendable {
  public internal(set) var header: FrameHeader

  /// The frame of 4 KiB that has the lines of the page; nil where the frame has none.
  public internal(set) var page: HostPhysicalAddress?

  /// Where the table keeps the body.
  var slot: Int

  /// Bytes to be sent, without FCS.
  public var count: Int { header.frameCount }
}
