import Ethernet

extension LinkTable where Routines: ~Copyable {
  /// Writes a frame with `message`, which is not of a sequenced kind, to the start of `bytes`. To a peer it takes the
  /// link's acknowledgement along.
  ///
  /// - Parameter bytes: has room for the longest frame.
  /// - Returns: the bytes to be sent, without FCS; nil where there is no link to the peer.
  public mutating func write(
    _ message: some WireMessage, to destination: DatagramDestination,
    into bytes: inout MutableSpan<UInt8>
  ) -> Int? {
    precondition(!message.kind.isSequenced)
    var header: FrameHeader
    switch destination {
    case .everyone:
      header = strangersHeader(message.kind, to: .broadcast)
    case .stranger(let address, let id, let incarnation):
      header = strangersHeader(message.kind, to: address)
      header.receiver = id
      header.receiverIncarnation = incarnation
    case .peer(let id):
      guard peers.contains(id) else { return nil }
      header = links[id.index].datagramHeader(message.kind, local.epoch)
      update(id)
    }
    header.bodyCount = message.byteCount
    header.write(to: &bytes)
    message.write(to: &bytes, at: FrameLayout.body)
    header.seal(&bytes, using: routines)
    traffic.countSent(message.kind.index, bytes: header.frameCount)
    return header.frameCount
  }

  /// A header that says who sends, without a link.
  private func strangersHeader(_ kind: MessageKind, to destination: MACAddress) -> FrameHeader {
    var header = FrameHeader(destination: destination, source: local.address, kind: kind)
    header.sender = local.id
    header.senderIncarnation = local.incarnation
    header.cluster = local.cluster
    header.epoch = local.epoch
    return header
  }
}
