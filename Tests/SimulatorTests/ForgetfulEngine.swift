import Cluster
import Coherence
import Memory
import Node
import Wire

@testable import Simulator

/// An engine that never has its node give up what it may do with a page, though it says that it has.
final class ForgetfulEngine: SharingEngine {
  private let engine: any SharingEngine

  init(_ engine: any SharingEngine) { self.engine = engine }

  func nextAction() -> NodeAction? {
    while let action = engine.nextAction() {
      switch action {
      case .protect(let page), .unmap(let page): engine.shotDown(page)
      default: return action
      }
    }
    return nil
  }

  var id: NodeID { engine.id }
  var deadline: Instant { engine.deadline }
  var hasFrames: Bool { engine.hasFrames }
  func receive(_ frame: Span<UInt8>, at now: Instant) { engine.receive(frame, at: now) }
  func advance(at now: Instant) { engine.advance(at: now) }
  func writeFrame(to bytes: inout MutableSpan<UInt8>, at now: Instant) -> Int? {
    engine.writeFrame(to: &bytes, at: now)
  }
  func nextEvent() -> ClusterEvent? { engine.nextEvent() }
  func startMemory(_ options: RunOptions) { engine.startMemory(options) }
  func fault(_ page: PageNumber, _ access: PageAccess) -> Bool { engine.fault(page, access) }
  func shotDown(_ page: PageNumber) { engine.shotDown(page) }
  func release(_ page: PageNumber) { engine.release(page) }
  func expire(_ page: PageNumber) { engine.expire(page) }
}
