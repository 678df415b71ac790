import Memory
import Wire

/// Actions on their way to the driver, and messages on their way from this node to itself, each first in, first out.
package struct Outbox: Sendable {
  private var actions: [CoherenceAction]
  private var firstAction = 0
  private var endAction = 0
  private var own: InlineArray<8, CoherenceMessage>
  private var firstOwn = 0
  private var endOwn = 0
  package var local: NodeID

  /// - Parameter capacity: how many actions one event can lead to, at most.
  package init(local: NodeID, capacity: Int) {
    self.local = local
    actions = [CoherenceAction](repeating: .retry(PageNumber(0)), count: capacity)
    own = InlineArray(repeating: CoherenceMessage(.void, PageNumber(0)))
  }

  /// How many actions one event can lead to: an answer to each node whose request waits, then a message to each node
  /// that shares the page, and what the node itself does meanwhile.
  package static func capacity(nodeCount: Int) -> Int { 2 * nodeCount + 32 }

  mutating func add(_ action: CoherenceAction) {
    actions[endAction] = action
    endAction += 1
  }

  mutating func send(_ message: CoherenceMessage, to node: NodeID) {
    guard node == local else { return add(.send(message, to: node)) }
    precondition(endOwn - firstOwn < own.count)
    own[endOwn % own.count] = message
    endOwn += 1
  }

  mutating func nextOwnMessage() -> CoherenceMessage? {
    guard firstOwn < endOwn else {
      firstOwn = 0
      endOwn = 0
      return nil
    }
    firstOwn += 1
    return own[(firstOwn - 1) % own.count]
  }

  package mutating func nextAction() -> CoherenceAction? {
    guard firstAction < endAction else {
      firstAction = 0
      endAction = 0
      return nil
    }
    firstAction += 1
    return actions[firstAction - 1]
  }

  var isEmpty: Bool { firstAction == endAction }
}
