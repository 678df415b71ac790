import Coherence
import Testing
import Wire

@testable import Simulator

/// Races that the links must settle: the protocol sees each message once.
struct LinkRaceTests {
  private static func makeRun() -> ClusterRun<SoundRules> {
    var configuration = RunConfiguration()
    configuration.nodeCount = 3
    configuration.pageCount = 1
    configuration.accessCount = 150
    configuration.evictionShare = 0.2
    return ClusterRun(configuration, rules: SoundRules())
  }

  private static func kind(
    _ header: FrameHeader, _ frame: [UInt8], in run: ClusterRun<SoundRules>
  ) -> CoherenceMessage.Kind? {
    guard header.kind == .ping, !header.isContinuation else { return nil }
    do throws(FrameError) {
      return run.sent.list[Int(try Ping(header, in: frame.span).number)].kind
    } catch {
      return nil
    }
  }

  /// Runs a cluster in which the first transmission of each message of these kinds is lost.
  private static func run(losing kinds: Set<CoherenceMessage.Kind>) -> (result: RunResult, lossCount: Int) {
    let run = makeRun()
    var seen: Set<[UInt32]> = []
    run.carry = { [unowned run] header, frame in
      guard let kind = Self.kind(header, frame, in: run), kinds.contains(kind) else { return 1 }
      let name = [UInt32(header.sender.value), UInt32(header.receiver.value), header.sequence.value]
      return seen.insert(name).inserted ? 0 : 1
    }
    return (run.run(), seen.count)
  }

  @Test func anAcknowledgementIsLostWhileDataArrives() {
    let (result, lossCount) = Self.run(losing: [.invalidated])
    #expect(result.problem == nil && lossCount > 5)
  }

  @Test(arguments: CoherenceMessage.Kind.allCases)
  func anyMessageMayBeLostAtFirst(_ kind: CoherenceMessage.Kind) {
    let (result, lossCount) = Self.run(losing: [kind])
    #expect(result.problem == nil)
    // No home lacks room, and a copy is seldom lost while it is on its way home.
    #expect(lossCount > 0 || kind == .keep || kind == .void)
  }

  @Test func dataIsSentAgainAfterItsTransactionHasEnded() {
    let run = Self.makeRun()
    var dataCount = 0
    // Every frame with data arrives a second time, when all is over.
    run.carry = { [unowned run] header, frame in
      if header.kind == .ping, header.isContinuation || Self.kind(header, frame, in: run) == .data {
        dataCount += 1
        return 2
      }
      return 1
    }
    #expect(run.run().problem == nil && dataCount > 10)
  }

  @Test func whatAnOlderIncarnationSentIsDropped() throws {
    let run = Self.makeRun()
    var oldFrames: [(receiver: Int, bytes: [UInt8])] = []
    var resentCount = 0
    run.carry = { [unowned run] header, frame in
      guard header.kind == .ping else { return 1 }
      // The same frame as a node's former self would have sent it.
      var old = header
      old.senderIncarnation = Incarnation(9)
      var bytes = frame
      var span = bytes.mutableSpan
      old.write(to: &span)
      old.seal(&span, using: PortableByteRoutines())
      oldFrames.append((header.receiver.index, bytes))
      if oldFrames.count > 20 {
        let (receiver, bytes) = oldFrames.removeFirst()
        run.events.add(.arrival(node: receiver, frame: bytes), at: run.now + 1)
        resentCount += 1
      }
      return 1
    }
    #expect(run.run().problem == nil && resentCount > 20)
    #expect(run.nodes.contains { $0.links.drops[.stranger] > 0 })
  }
}
