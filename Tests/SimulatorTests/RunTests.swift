import Coherence
import Testing

@testable import Simulator

struct RunTests {
  private static func options(_ change: (inout RunOptions) -> Void) -> RunOptions {
    var options = RunOptions()
    change(&options)
    return options
  }

  /// It used to evict what was its own again and again, and never what was others'.
  @Test func aNodeFullOfPagesThatNobodyElseHasMakesRoom() {
    let simulation = Simulation(
      Self.options {
        $0.nodeCount = 3
        $0.seed = 918
        $0.network = .hundredGigabit
        $0.accessCount = 615
        $0.pageCount = 168
        $0.frameCount = 83
        $0.thinkTime = 12440
        $0.faults = .wild
      })
    simulation.run()
    #expect(simulation.failure == nil)
  }
}
