import Coherence
import Memory
import Testing

@testable import Simulator

struct RaceTests {
  @Test func aWritebackMeetsAForwardedRead() {
    var race = Race()
    race.access(.writeFault, 1)
    race.happens(.evict, 1)
    race.happens(.readFault, 2)
    race.arrives(.getShared, from: 2, to: 0)
    race.happens(.shotDown, 1)
    #expect(race.state(1) == .puttingModified && race.messages(1, 0) == [.put])
    race.arrives(.forwardShared, from: 0, to: 1)
    #expect(race.state(1) == .puttingShared && race.messages(1, 2) == [.data])
    race.arrives(.put, from: 1, to: 0)
    race.arrives(.data, from: 1, to: 2)
    race.arrives(.unblock, from: 2, to: 0)
    #expect(race.messages(0, 1) == [.drop])
    race.settle()
    #expect(race.state(1) == .invalid && race.state(2) == .shared)
  }

  @Test func aWritebackMeetsAForwardedWriteWhileItsShootdownRuns() {
    var race = Race()
    race.access(.writeFault, 1)
    race.happens(.evict, 1)
    race.happens(.writeFault, 2)
    race.arrives(.getExclusive, from: 2, to: 0)
    race.arrives(.forwardExclusive, from: 0, to: 1)
    #expect(race.messages(1, 2).isEmpty)
    race.happens(.shotDown, 1)
    #expect(race.messages(1, 2) == [.data] && race.messages(1, 0).isEmpty)
    race.settle()
    #expect(race.state(1) == .invalid && race.state(2) == .modified)
  }

  @Test func aStaleWritebackFromANonOwnerIsVoid() {
    var race = Race()
    race.access(.writeFault, 1)
    race.happens(.writeFault, 2)
    race.arrives(.getExclusive, from: 2, to: 0)
    race.happens(.evict, 1)
    race.happens(.shotDown, 1)
    race.arrives(.forwardExclusive, from: 0, to: 1)
    #expect(race.state(1) == .puttingNothing)
    race.arrives(.data, from: 1, to: 2)
    race.arrives(.unblock, from: 2, to: 0)
    race.arrives(.put, from: 1, to: 0)
    #expect(race.messages(0, 1) == [.void] && race.home == .exclusive)
    race.settle()
    #expect(race.state(1) == .invalid && race.state(2) == .modified)
  }

  @Test func anUpgradeMeetsAnInvalidation() {
    var race = sharedByOneAndTwo()
    race.happens(.writeFault, 1)
    race.happens(.writeFault, 2)
    race.arrives(.upgrade, from: 2, to: 0)
    race.arrives(.invalidate, from: 0, to: 1)
    #expect(race.state(1) == .upgradeLosing && race.messages(1, 2).isEmpty)
    race.happens(.shotDown, 1)
    #expect(race.state(1) == .writing && race.messages(1, 2) == [.invalidated])
    race.settle()
    #expect(race.state(1) == .modified && race.state(2) == .invalid)
  }

  @Test func noInvalidationCanOvertakeData() {
    var race = Race()
    race.access(.writeFault, 1)
    race.happens(.readFault, 2)
    race.arrives(.getShared, from: 2, to: 0)
    race.arrives(.forwardShared, from: 0, to: 1)
    race.happens(.shotDown, 1)
    race.happens(.writeFault, 0)
    // The data is on its way still: the write waits at the home, and nobody is told to drop anything.
    #expect(race.messages(1, 2) == [.data] && race.messages(0, 2).isEmpty && race.messages(0, 1).isEmpty)
    race.arrives(.data, from: 1, to: 2)
    #expect(race.state(2) == .shared)
    race.arrives(.unblock, from: 2, to: 0)
    #expect(race.messages(0, 1) == [.forwardExclusive] && race.messages(0, 2) == [.invalidate])
    race.settle()
    #expect(race.state(0) == .modified)
  }

  @Test func anAcknowledgementComesBeforeTheirNumberIsKnown() {
    var race = sharedByOneAndTwo()
    race.happens(.writeFault, 0)
    race.arrives(.invalidate, from: 0, to: 2)
    race.happens(.shotDown, 2)
    race.arrives(.invalidated, from: 2, to: 0)
    #expect(race.state(0) == .writing)
    race.arrives(.forwardExclusive, from: 0, to: 1)
    race.happens(.shotDown, 1)
    race.arrives(.data, from: 1, to: 0)
    #expect(race.state(0) == .modified)
    race.settle()
  }

  @Test func anAcknowledgementComesAfterTheData() {
    var race = sharedByOneAndTwo()
    race.happens(.writeFault, 0)
    race.arrives(.forwardExclusive, from: 0, to: 1)
    race.happens(.shotDown, 1)
    race.arrives(.data, from: 1, to: 0)
    #expect(race.state(0) == .collecting && race.home == .busyExclusive)
    race.arrives(.invalidate, from: 0, to: 2)
    race.happens(.shotDown, 2)
    race.arrives(.invalidated, from: 2, to: 0)
    #expect(race.state(0) == .modified)
    race.settle()
  }

  @Test func noForwardReachesAnOwnerThatWaitsForItsData() {
    var race = Race()
    race.happens(.writeFault, 1)
    race.arrives(.getExclusive, from: 1, to: 0)
    race.happens(.writeFault, 2)
    race.arrives(.getExclusive, from: 2, to: 0)
    #expect(race.messages(0, 1) == [.data] && race.state(1) == .writing)
    race.arrives(.data, from: 0, to: 1)
    race.arrives(.unblock, from: 1, to: 0)
    race.arrives(.forwardExclusive, from: 0, to: 1)
    // Pinned until the access is done.
    #expect(race.state(1) == .modified && race.messages(1, 2).isEmpty)
    race.happens(.write, 1)
    race.happens(.release, 1)
    race.happens(.shotDown, 1)
    race.settle()
    #expect(race.state(2) == .modified)
  }

  @Test func ofTwoUpgradesAtOnceOneGetsThePageAfterTheOther() {
    var race = sharedByOneAndTwo()
    race.happens(.writeFault, 1)
    race.happens(.writeFault, 2)
    race.arrives(.upgrade, from: 1, to: 0)
    race.arrives(.upgrade, from: 2, to: 0)
    race.arrives(.grant, from: 0, to: 1)
    race.arrives(.invalidate, from: 0, to: 2)
    race.happens(.shotDown, 2)
    race.arrives(.invalidated, from: 2, to: 1)
    #expect(race.state(1) == .modified && race.state(2) == .writing)
    race.happens(.write, 1)
    race.happens(.release, 1)
    race.arrives(.unblock, from: 1, to: 0)
    race.arrives(.forwardExclusive, from: 0, to: 1)
    race.happens(.shotDown, 1)
    // The loser still has the version before: changes are enough.
    #expect(race.contents(1, 2) == [.changes])
    race.settle()
    #expect(race.state(1) == .invalid && race.state(2) == .modified)
  }

  @Test func theHomesOwnAccessMeetsARemoteOne() {
    var race = Race()
    race.happens(.writeFault, 1)
    race.happens(.writeFault, 0)
    #expect(race.state(0) == .modified)
    race.arrives(.getExclusive, from: 1, to: 0)
    #expect(race.messages(0, 1).isEmpty)
    race.happens(.write, 0)
    race.happens(.release, 0)
    race.happens(.shotDown, 0)
    #expect(race.messages(0, 1) == [.data])
    race.settle()
    #expect(race.state(0) == .invalid && race.state(1) == .modified)
  }

  @Test func aFaultWhoseVCPUHasLeftEndsAllTheSame() {
    var race = Race()
    race.access(.writeFault, 1)
    race.happens(.writeFault, 2)
    race.arrives(.getExclusive, from: 2, to: 0)
    // The vCPU leaves node 2 and faults on node 0, before the page has come to node 2: whoever gets the answer unpins.
    race.happens(.writeFault, 0)
    race.settle()
    #expect(race.state(0) == .modified && race.state(1) == .invalid && race.state(2) == .invalid)
  }

  @Test func noAcknowledgementBeforeTheShootdownHasFinished() {
    var race = sharedByOneAndTwo()
    race.happens(.writeFault, 1)
    race.arrives(.upgrade, from: 1, to: 0)
    race.arrives(.invalidate, from: 0, to: 2)
    race.arrives(.grant, from: 0, to: 1)
    #expect(race.messages(2, 1).isEmpty && race.state(1) == .collecting)
    race.happens(.shotDown, 2)
    #expect(race.messages(2, 1) == [.invalidated])
    race.settle()
    #expect(race.state(1) == .modified)
  }

  @Test func aNodeThatForgetsWhatItSaidItKnowsIsNotAskedForIt() {
    var race = Race()
    race.access(.writeFault, 1)
    race.access(.writeFault, 2)
    race.happens(.readFault, 1)
    // A copy that a request names stays until the answer has come.
    #expect(race.world.cachePage(1, 0).hasStaleCopy)
    var engine = race.world.engines[1]
    let isForgotten = engine.handle(.forget, on: .init(0))
    #expect(!isForgotten)
    race.settle()
  }

  /// A page that was written by node 1 and then read by node 2.
  private func sharedByOneAndTwo() -> Race {
    var race = Race()
    race.access(.writeFault, 1)
    race.access(.readFault, 2)
    #expect(race.state(1) == .shared && race.state(2) == .shared && race.home == .shared)
    return race
  }
}
