/// A vCPU: it makes one access after another, and faults where its node has not got the page.
struct SimulatedVCPU {
  enum State {
    /// Its next event is the next access.
    case thinking
    /// It has left the guest; its fault is about to be reported.
    case exiting
    /// The engine has its fault.
    case waiting
    /// It is on its way back to the access.
    case entering
    case done
  }

  /// Which of the workload's vCPUs it is.
  let number: Int
  var state = State.thinking
  var random: SplitMix64
  /// Accesses that are done.
  var doneCount = 0
  var access = Access(page: 0, isWrite: false, line: 0)
  /// Whether `access` is to be made.
  var hasAccess = false
  /// When the access that is open was first tried; and whether nobody had touched the page then.
  var faultedAt: UInt64 = 0
  var wasUntouched = false
  /// Whether a message was needed.
  var isRemote = false
  /// Whether the page was readable when it was tried.
  var isUpgrade = false
  var isPinned = false
  /// How often it has had a pin.
  var pinCount: UInt32 = 0
  /// How many messages it had to wait for, one after another; and whether no other node has the page.
  var messageCount = 0
  var isAlone = false
  /// What the engine's answer was caused by.
  var cause = Causes.none

  init(_ number: Int, seed: UInt64) {
    self.number = number
    random = SplitMix64(seed: SplitMix64.mix(SplitMix64.mix(seed) &+ UInt64(number)))
  }
}
