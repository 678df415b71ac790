import Coherence
import Glibc

/// `Simulator tables`, `Simulator check` and `Simulator bench`.
@main
struct Main {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    switch arguments.first {
    case "check": exit(check(Array(arguments.dropFirst())))
    case "bench":
      var benchmark = Benchmark(nodeCount: 8)
      print(benchmark.run())
    case "tables": print(TransitionTables().text)
    default:
      print(usage)
      exit(2)
    }
  }

  static let usage = """
    Simulator tables                 prints the transition tables of the protocol
    Simulator bench                  says how many events the engine handles in a second
    Simulator check [options]        tries out everything that can happen
      --homes N,N,…                  how many pages each node is home to (1,0,0)
      --no-evictions                 no node evicts a page
      --no-pins                      accesses end at once
      --no-stale-copies              copies that are lost are freed at once
      --waits                        faults come for pages that are under way
      --lacks-room                   homes refuse pages now and then
      --no-liveness                  do not look for states without a way to rest
      --limit N                      give up after so many states
      --break RULE                   break a rule of the protocol: the check must fail
    """
}
