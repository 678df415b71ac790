/// Whose registers and leaves a processor has. Hygon's are AMD's, any other maker's count as Intel's.
public enum ProcessorVendor: Equatable, Sendable {
  case intel
  case amd

  /// The vendor in CPUID leaf 0.
  init(_ leaf0: CPUIDRegisters) {
    switch leaf0.ebx {
    case 0x6874_7541, 0x6F67_7948: self = .amd  // "Auth"enticAMD, "Hygo"nGenuine
    default: self = .intel
    }
  }
}
