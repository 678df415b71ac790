// The feature bits that a guest may see: what is not listed here is hidden, and so is everything that the
// host lacks. SDM Vol. 2A, "CPUID—CPU Identification"; AMD APM Vol. 3, appendix E.
//
// Hidden on purpose: virtualisation (VMX, SVM) and SMX, SGX, SEV; MONITOR/MWAIT and WAITPKG, whose waits
// would keep a core from its other work; performance monitoring, debug store, tracing, resource control,
// thermal and power control, which are the node's own; transactional memory; 57-bit linear addresses;
// XSAVES and with it all that it alone saves (CET, user interrupts); MPX and AMX.

package enum CPUIDFeatures {
  @inline(__always)
  private static func bit(_ position: UInt32) -> UInt32 { 1 << position }

  static let x2APIC: UInt32 = 1 << 21
  static let tscDeadline: UInt32 = 1 << 24
  static let xsave: UInt32 = 1 << 26
  static let osxsave: UInt32 = 1 << 27
  static let hypervisor: UInt32 = 1 << 31

  static var leaf1ECX: UInt32 {
    bit(0)  // SSE3
      | bit(1)  // PCLMULQDQ
      | bit(9)  // SSSE3
      | bit(13)  // CMPXCHG16B
      | bit(17)  // PCID
      | bit(19)  // SSE4.1
      | bit(20)  // SSE4.2
      | bit(22)  // MOVBE
      | bit(23)  // POPCNT
      | bit(25)  // AES
      | bit(30)  // RDRAND
  }

  /// Needs AVX in XCR0.
  static var leaf1ECXVector: UInt32 {
    bit(12)  // FMA
      | bit(28)  // AVX
      | bit(29)  // F16C
  }

  static let apic: UInt32 = 1 << 9
  static let hyperThreading: UInt32 = 1 << 28

  /// AMD repeats bits 0–9, 12–17, 23 and 24 in leaf 0x8000_0001.
  static var leaf1EDX: UInt32 {
    bit(0)  // FPU
      | bit(1)  // VME
      | bit(2)  // DE
      | bit(3)  // PSE
      | bit(4)  // TSC
      | bit(5)  // MSR
      | bit(6)  // PAE
      | bit(7)  // MCE
      | bit(8)  // CMPXCHG8B
      | bit(11)  // SEP; SYSCALL in leaf 0x8000_0001
      | bit(12)  // MTRR
      | bit(13)  // PGE
      | bit(14)  // MCA
      | bit(15)  // CMOV
      | bit(16)  // PAT
      | bit(17)  // PSE-36
      | bit(19)  // CLFLUSH
      | bit(23)  // MMX
      | bit(24)  // FXSR
      | bit(25)  // SSE
      | bit(26)  // SSE2
      | bit(27)  // self snoop
  }

  static let tscAdjust: UInt32 = 1 << 1

  package static let invpcid: UInt32 = 1 << 10

  static var leaf7EBX: UInt32 {
    bit(0)  // FSGSBASE
      | bit(3)  // BMI1
      | bit(6)  // FPU data pointer updated on exceptions only
      | bit(7)  // SMEP
      | bit(8)  // BMI2
      | bit(9)  // enhanced REP MOVSB/STOSB
      | invpcid
      | bit(13)  // FPU CS and DS deprecated
      | bit(18)  // RDSEED
      | bit(19)  // ADX
      | bit(20)  // SMAP
      | bit(23)  // CLFLUSHOPT
      | bit(24)  // CLWB
      | bit(29)  // SHA
  }

  static var leaf7EBXVector: UInt32 { bit(5) }  // AVX2

  static var leaf7EBXAVX512: UInt32 {
    bit(16)  // F
      | bit(17)  // DQ
      | bit(21)  // IFMA
      | bit(26)  // PF
      | bit(27)  // ER
      | bit(28)  // CD
      | bit(30)  // BW
      | bit(31)  // VL
  }

  static let protectionKeys: UInt32 = 1 << 3
  static let osProtectionKeys: UInt32 = 1 << 4
  /// RDPID.
  package static let processorIdentifier: UInt32 = 1 << 22

  static var leaf7ECX: UInt32 {
    bit(0)  // PREFETCHWT1
      | bit(2)  // UMIP
      | bit(8)  // GFNI
      | processorIdentifier
      | bit(25)  // CLDEMOTE
      | bit(27)  // MOVDIRI
      | bit(28)  // MOVDIR64B
  }

  static var leaf7ECXVector: UInt32 {
    bit(9)  // VAES
      | bit(10)  // VPCLMULQDQ
  }

  static var leaf7ECXAVX512: UInt32 {
    bit(1)  // VBMI
      | bit(6)  // VBMI2
      | bit(11)  // VNNI
      | bit(12)  // BITALG
      | bit(14)  // VPOPCNTDQ
  }

  static let architecturalCapabilities: UInt32 = 1 << 29

  static var leaf7EDX: UInt32 {
    bit(4)  // fast short REP MOV
      | bit(10)  // MD_CLEAR
      | bit(14)  // SERIALIZE
      | architecturalCapabilities
  }

  static var leaf7EDXAVX512: UInt32 {
    bit(2)  // 4VNNIW
      | bit(3)  // 4FMAPS
      | bit(8)  // VP2INTERSECT
      | bit(23)  // FP16
  }

  /// Needs that the back end switches IA32_SPEC_CTRL and lets IA32_PRED_CMD and IA32_FLUSH_CMD through.
  static var leaf7EDXSpeculation: UInt32 {
    bit(26)  // IBRS and IBPB
      | bit(27)  // STIBP
      | bit(28)  // L1D_FLUSH
      | bit(31)  // SSBD
  }

  /// Subleaf 1.
  static var leaf7Subleaf1EAX: UInt32 {
    bit(10)  // fast zero-length REP MOVSB
      | bit(11)  // fast short REP STOSB
      | bit(12)  // fast short REP CMPSB/SCASB
  }

  static var leaf7Subleaf1EAXVector: UInt32 { bit(4) }  // AVX-VNNI
  static var leaf7Subleaf1EAXAVX512: UInt32 { bit(5) }  // BF16

  /// Leaf 0xD, subleaf 1.
  static var xsaveEAX: UInt32 {
    bit(0)  // XSAVEOPT
      | bit(1)  // XSAVEC
      | bit(2)  // XGETBV with ECX = 1
  }

  /// AMD: more than one core in the package.
  static let multipleCores: UInt32 = 1 << 1

  static var extendedLeaf1ECX: UInt32 {
    bit(0)  // LAHF and SAHF in 64-bit mode
      | bit(4)  // LOCK MOV CR0 means MOV CR8
      | bit(5)  // LZCNT
      | bit(6)  // SSE4A
      | bit(7)  // misaligned SSE
      | bit(8)  // PREFETCHW
      | bit(21)  // TBM
      | bit(22)  // topology extensions
  }

  static var extendedLeaf1ECXVector: UInt32 {
    bit(11)  // XOP
      | bit(16)  // FMA4
  }

  static let noExecute: UInt32 = 1 << 20
  static let fastFXSAVE: UInt32 = 1 << 25
  static let gigabytePages: UInt32 = 1 << 26
  package static let rdtscp: UInt32 = 1 << 27

  /// To be joined with `leaf1EDX`, some bits of which AMD repeats.
  static var extendedLeaf1EDX: UInt32 {
    bit(11)  // SYSCALL
      | noExecute
      | bit(22)  // AMD's additions to MMX
      | fastFXSAVE
      | gigabytePages
      | rdtscp
      | bit(29)  // long mode
      | bit(30)  // 3DNow! additions
      | bit(31)  // 3DNow!
  }

  static var extendedLeaf1EDXRepeated: UInt32 { leaf1EDX & 0x0183_F1FF }

  static var extendedLeaf8EBX: UInt32 {
    bit(0)  // CLZERO
      | bit(2)  // FXRSTOR restores error pointers
      | bit(9)  // WBNOINVD
  }

  static var extendedLeaf8EBXSpeculation: UInt32 {
    bit(12)  // IBPB
      | bit(14)  // IBRS
      | bit(15)  // STIBP
      | bit(16)  // IBRS always on
      | bit(17)  // STIBP always on
      | bit(18)  // IBRS preferred
      | bit(19)  // IBRS protects the same mode
      | bit(24)  // SSBD
      | bit(26)  // SSBD not needed
  }
}
