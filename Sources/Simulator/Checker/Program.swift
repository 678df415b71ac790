import Coherence

/// What a vCPU of the model executes, as a processor with a store buffer does (SDM Vol. 3A, 8.2.2: x86-TSO).
struct Program {
  enum Instruction {
    /// The page's contents go to the next register.
    case load(page: Int)
    /// The page gets the contents `value`, which no other store gives to any page.
    case store(page: Int, value: Int32)
    /// Waits until all stores are done.
    case fence
  }

  var instructions: [Instruction]

  init(_ instructions: Instruction...) { self.instructions = instructions }
}

/// How far a vCPU is in its program.
struct ProgramState: Hashable {
  struct Store: Hashable {
    var page: Int
    var value: Int32
  }

  var next = 0
  var registers: [Int32] = []
  /// Stores that nobody else sees yet, the oldest first.
  var buffer: [Store] = []

  /// What the vCPU itself last stored to the page, if that is not done yet.
  func buffered(_ page: Int) -> Int32? { buffer.last { $0.page == page }?.value }
}

/// How a run of some programs has ended.
struct Outcome: Hashable, CustomStringConvertible {
  /// Of each vCPU in turn.
  var registers: [[Int32]]
  /// The contents of each page.
  var memory: [Int32]

  var description: String { "registers \(registers), memory \(memory)" }
}

/// A litmus test: programs that show by what they read which orders of accesses a memory allows.
struct LitmusTest {
  var name: String
  var programs: [Program]
  var pageCount: Int
  /// Whether x86-TSO forbids the outcome.
  var isForbidden: (Outcome) -> Bool
}

extension LitmusTest {
  /// What has come of a test: the outcomes that can be reached, whatever happens first.
  struct Result {
    var outcomes: Set<Outcome>
    var check: CheckResult
  }

  /// Runs each program on a node of its own; the first nodes are home to a page each.
  func run(keepsStaleCopies: Bool) -> Result {
    var configuration = CheckConfiguration()
    configuration.pagesAtHome = programs.indices.map { $0 < pageCount ? 1 : 0 }
    configuration.programs = programs
    configuration.pins = false
    configuration.keepsStaleCopies = keepsStaleCopies
    var outcomes: Set<Outcome> = []
    var checker = Checker(configuration: configuration, rules: SoundRules())
    checker.visit = { world in
      if let outcome = world.outcome { outcomes.insert(outcome) }
    }
    let check = checker.run()
    return Result(outcomes: outcomes, check: check)
  }
}
