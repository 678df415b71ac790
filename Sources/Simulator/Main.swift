import Coherence
import Glibc

/// `Simulator tables`, `check`, `litmus`, `run`, `report`, `soak` and `bench`.
@main
struct Main {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    switch arguments.first {
    case "--help": print(usage)
    case "check": exit(check(Array(arguments.dropFirst())))
    case "litmus": exit(litmus())
    case "bench": exit(bench())
    case "run": exit(run(Array(arguments.dropFirst())))
    case "soak": exit(soak(Array(arguments.dropFirst())))
    case "tables": print(TransitionTables().text)
    case "report": exit(report(Array(arguments.dropFirst())))
    default:
      print(usage)
      exit(2)
    }
  }

  static let usage = """
    Simulator tables                 prints the transition tables of the protocol
    Simulator bench                  says how many events engines handle in a second, and how often they allocate
    Simulator litmus                 compares what processors on nodes can see with x86-TSO
    Simulator check [options]        tries out everything that can happen
      --homes N,N,…                  how many pages each node is home to (1,0,0)
      --no-evictions                 no node evicts a page
      --no-pins                      accesses end at once
      --no-stale-copies              copies that are lost are freed at once
      --waits                        faults come for pages that are under way
      --lacks-room                   homes refuse pages now and then
      --requests N                   how many requests a node has open at a time (as many as pages)
      --independence                 check that pages do not influence each other
      --progress                     say how many states there are at each depth
      --no-liveness                  do not look for states without a way to rest
      --limit N                      give up after so many states
      --break RULE                   break a rule of the protocol: the check must fail
    Simulator check --links [opts]   the same with links, on a network that has faults, of two nodes with one page
      --accesses N                   how many each node makes at most (1)
      --losses N                     frames that are lost at most (1)
      --duplicates N                 frames that come twice at most (1)
      --early-timeouts N             timeouts that pass at most while something is still on its way (0)
      --in-order                     no frame overtakes another
      --no-evictions, --no-stale-copies, --limit N
      --break FAULT                  a rule of the protocol, or a fault of links: the check must fail
    Simulator run [options]          runs a workload on a cluster in virtual time (docs/simulator.md)
      --protocol P                   bigiron, ivy, ivy-direct, home-msi or swap (bigiron)
      --nodes N                      1 to 256 (4)
      --vcpus V                      of each node, 1 to 32 (1)
      --seed S                       of all that is random (1)
      --network 1g|10g|25g|100g      (10g)
      --delay NS                     of a signal on each cable (100)
      --loss P                       share of frames that are lost, 0 to 0.9
      --faults none|mild|wild|all    what else the network and the nodes suffer (none)
      --workload W                   uniform, zipf, producer-consumer, false-sharing, migratory-lock,
                                     stencil, private, page-table, full-ring or replay (uniform)
      --accesses K                   of each vCPU (1000)
      --think NS                     from one access to the next (100)
      --pages P                      of the cluster (64 for each node)
      --frames F                     of each node; fewer than the pages makes evictions
      --twins T                      copies of a node from which it tells changes (64)
      --trace FILE                   what to replay
      --record FILE                  where to write the accesses, to replay them
      --json                         print one JSON object
    Simulator report                 writes its part of docs/performance.md, with plots
      --docs DIRECTORY               where the page is (docs)
    Simulator soak [options]         many runs with faults, until one fails
      --runs K                       at most so many (1000)
      --accesses N                   of all vCPUs of a run, until faults end; more follow (1000 to 4000 in all)
      --faults none|mild|wild|all    in every run (wild in four of five)
      --minutes M                    begin none later (no limit)
      --seed S                       of the first run; the next ones follow (1)
    """
}
