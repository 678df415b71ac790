import CPU

// Guest state that neither VMCS nor VMCB holds stays in the core while its vCPU is loaded, since our own code uses
// none of it: x87, SSE and AVX registers with XCR0, DR0–DR3, and some MSRs. It is moved when another vCPU takes the
// core, and eagerly: lazily (through #NM) would save the transfer only where vCPUs share a core, and leak one
// guest task's registers to another on CPUs with the Lazy FP flaw.

/// What stays in the core, as it stands while the vCPU is not loaded.
@safe
public struct ResidentState {
  private let extendedState: UnsafeMutableRawPointer
  /// Every component that the guest may ever have in use. All of them are moved under this XCR0, whatever the
  /// guest's own is at the time: SSE registers work without it, and XRSTOR takes no component that XCR0 lacks.
  private let offeredXCR0: UInt64
  private var xcr0: UInt64 = 1
  private var debug = InlineArray<4, UInt64>(repeating: 0)
  private var msrs = InlineArray<8, UInt64>(repeating: 0)
  private let msrIndices: InlineArray<8, UInt32>
  private let msrCount: Int

  /// - Parameters:
  ///   - area: a zeroed 4 KiB frame, which is what XRSTOR takes for the initial state. It has room for every
  ///     component that a guest is offered.
  ///   - offeredXCR0: what the guest may set in XCR0.
  ///   - msrs: at most eight MSRs that the guest uses without an exit.
  public init(area: UnsafeMutableRawPointer, offeredXCR0: UInt64, msrs: Span<UInt32>) {
    unsafe extendedState = area
    self.offeredXCR0 = offeredXCR0 | 0b11
    // MXCSR as RESET leaves it: XRSTOR takes it from the area even where SSE is in its initial state.
    unsafe area.storeBytes(of: 0x1F80, toByteOffset: 24, as: UInt32.self)
    var indices = InlineArray<8, UInt32>(repeating: 0)
    for index in msrs.indices { indices[index] = msrs[index] }
    msrIndices = indices
    msrCount = msrs.count
  }

  /// Puts the state into the calling core.
  public func restore() {
    writeXCR0(offeredXCR0)
    unsafe restoreExtendedState(extendedState, .max)
    writeXCR0(xcr0)
    writeDR0(debug[0])
    writeDR1(debug[1])
    writeDR2(debug[2])
    writeDR3(debug[3])
    for index in 0..<msrCount { writeMSR(msrIndices[index], msrs[index]) }
  }

  /// Takes the state out of the calling core.
  public mutating func park() {
    xcr0 = readXCR0()
    writeXCR0(offeredXCR0)
    unsafe saveExtendedState(extendedState, .max)
    debug = [readDR0(), readDR1(), readDR2(), readDR3()]
    for index in 0..<msrCount { msrs[index] = readMSR(msrIndices[index]) }
  }
}
