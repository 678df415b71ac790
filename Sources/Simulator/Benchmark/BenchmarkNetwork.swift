import Coherence
import Node
import Wire

/// Frames on their way, first in, first out, in room that is there from the start.
final class BenchmarkNetwork {
  private struct Place {
    var bytes = [UInt8](repeating: 0, count: FrameLayout.maximumFrameCount)
    var count = 0
    var sender = 0
  }

  private var places: [Place]
  private var first = 0
  private(set) var count = 0
  /// Frames for which there was no room.
  private(set) var overflowCount = 0
  /// Frames as long as a part of a page makes them, and those that ask to evict one.
  private(set) var fullFrameCount = 0
  private(set) var evictionCount = 0

  init(nodeCount: Int) { places = (0..<1024 * nodeCount).map { _ in Place() } }

  /// Takes what a node has to send.
  func takeFrames(of node: BenchmarkNode, at now: Instant) {
    while count < places.count {
      let place = (first + count) % places.count
      var bytes = places[place].bytes.mutableSpan
      guard let length = node.engine.writeFrame(to: &bytes, at: now) else { return }
      places[place].count = length
      places[place].sender = node.index
      if length > FrameLayout.maximumFrameCount / 2 { fullFrameCount += 1 }
      if isEviction(places[place].bytes) { evictionCount += 1 }
      count += 1
    }
    overflowCount += 1
  }

  private func isEviction(_ frame: [UInt8]) -> Bool {
    frame[FrameField.kind] == MessageKind.coherence.rawValue
      && FrameField.uint16(frame, FrameField.bodyCount) > 0
      && frame[FrameField.body] & 15 == CoherenceMessage.Kind.put.rawValue
  }

  /// Gives the next frame to whom it is for.
  func deliverNext(to nodes: [BenchmarkNode], at now: Instant) {
    let place = places[first]
    let destination = FrameField.destination(place.bytes)
    for receiver in nodes where receiver.index != place.sender {
      guard destination == receiver.address.value || destination >> 40 & 1 == 1 else { continue }
      receiver.receive(place.bytes.span.extracting(0..<place.count), at: now)
    }
  }

  func removeNext() {
    first = (first + 1) % places.count
    count -= 1
  }
}
