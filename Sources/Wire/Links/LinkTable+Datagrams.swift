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
      header = self.header(message.kind)
    case .stranger(let address, let id, let incarnation):
      header = self.header(message.kind, to: address)
      header.receiver = id
      header.receiverIncarnation = incarnation
    case .peer(let id):
      guard peers.contains(id) else { return nil }
      header = links[id.index].acknowledging(self.header(message.kind))
      update(id)
    }
    header.bodyCount = message.byteCount
    header.write(to: &bytes)
    message.write(to: &bytes, at: FrameLayout.body)
    header.seal(&bytes, using: routines)
    return header.frameCount
  }
}
