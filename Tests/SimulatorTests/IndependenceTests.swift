import Coherence
import Testing

@testable import Simulator

struct IndependenceTests {
  private static var configuration: CheckConfiguration {
    var configuration = CheckConfiguration()
    configuration.pagesAtHome = [1, 1]
    configuration.checksIndependence = true
    return configuration
  }

  /// Tests/System/test_simulator.py has a complete one.
  @Test(arguments: [nil, 1])
  func pagesDoNotInfluenceEachOther(requestLimit: Int?) {
    var configuration = Self.configuration
    configuration.requestLimit = requestLimit
    configuration.stateLimit = 4000
    let result = Checker(configuration: configuration, rules: SoundRules()).run()
    #expect(result.violation?.problem == nil && result.stateCount > 4000)
  }

  private static let fault = Step(.readFault, 1, 0)

  /// A fault on page 0, which is no problem.
  private static func afterOneFault() -> (PageIndependence, World<SoundRules>, World<SoundRules>) {
    let world = World(Self.configuration, rules: SoundRules())
    var independence = PageIndependence(Self.configuration)
    independence.begin(world)
    var successor = world
    successor.take(Self.fault)
    #expect(independence.problem(Self.fault, world, successor) == nil)
    return (independence, world, successor)
  }

  @Test func aStepThatChangesAnotherPageIsNoticed() {
    var (independence, world, successor) = Self.afterOneFault()
    successor[0, 1].faults = 1
    #expect(independence.problem(Self.fault, world, successor) == "what happens to page 0 changes page 1")
  }

  @Test func aStepThatLooksAtAnotherPageIsNoticed() {
    var (independence, world, successor) = Self.afterOneFault()
    // Once more, where page 1 is another: with another outcome.
    var other = world
    other.take(Step(.readFault, 0, 1))
    independence.begin(other)
    successor = other
    successor.take(Self.fault)
    #expect(independence.problem(Self.fault, other, successor) == nil)
    successor[1, 0].faults = 0
    #expect(
      independence.problem(Self.fault, other, successor) == "what happens to page 0 depends on another page")
  }

  /// The order of two pages' messages on a link makes no difference to either.
  @Test func aPageAmongOthersHasTheHashThatItHasAlone() {
    var alone = CheckConfiguration()
    alone.pagesAtHome = [1, 0]
    var single = World(alone, rules: SoundRules())
    var both = World(Self.configuration, rules: SoundRules())
    let identity = Symmetry.identity(alone)
    #expect(both.pageHash(0, identity) == single.hash([identity]))
    both.take(Step(.writeFault, 0, 1))
    for step in [Self.fault, Step(.deliver, 0, 1), Step(.deliver, 1, 0)] {
      single.take(step)
      // The request for page 1 is before the answer for page 0.
      if step == Step(.deliver, 1, 0) { both.take(step) }
      both.take(step)
      #expect(both.pageHash(0, identity) == single.hash([identity]))
    }
    let otherHome = Symmetry(newNode: [1, 0], oldNode: [1, 0], newPage: [], oldPage: [])
    #expect(PageIndependence.statesAlone(alone, SoundRules()).contains(both.pageHash(1, otherHome)))
  }
}
