import Ethernet
import Wire

/// One boot of a node, as every frame names it.
struct FrameIdentity: Equatable {
  var address: MACAddress
  var incarnation: Incarnation

  init(_ address: MACAddress, _ incarnation: Incarnation) {
    self.address = address
    self.incarnation = incarnation
  }
}
