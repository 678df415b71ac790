/// Who answers for a model-specific register.
public enum MSRKind: Equatable, Sendable {
  /// The back end switches the processor's own register, and lets the guest at it without an exit.
  case passThrough
  /// IA32_EFER, switched too: a write goes through `ModelSpecificRegisters.extendedFeatures`.
  case extendedFeatures
  /// IA32_DEBUGCTL, a field of the guest's state: a write goes through `ModelSpecificRegisters.debugControl`.
  case debugControl
  /// `LocalAPIC.readMSR` and `writeMSR`.
  case localAPIC
  /// `ModelSpecificRegisters.read` and `write`: state that nothing acts on.
  case stored
  /// Does not exist: #GP. `ModelSpecificRegisters.read` and `write` count it.
  case unknown
}
