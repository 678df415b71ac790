/// An instruction without operands in its encoding, of which only the length matters.
public enum FixedInstruction: Sendable {
  case hlt, pause, cpuid
  case rdmsr, wrmsr, rdtsc, rdtscp, rdpmc
  case xsetbv, wbinvd, invd
  case vmcall, vmmcall
}
