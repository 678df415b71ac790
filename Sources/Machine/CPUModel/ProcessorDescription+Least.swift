// What programs choose code paths by becomes what both processors have; sizes become the smaller. What only says which
// processor it is (family, model, name, caches) stays the first one's: a guest that knows an erratum of it works around that
// on all nodes, and none of these registers makes an instruction work.

extension ProcessorDescription {
  /// Takes away what `other` lacks.
  ///
  /// - Throws: `.vendor` where they are of different makers: a guest reads there which of the registers that this
  ///   model has exist at all.
  public mutating func reduce(to other: Self) throws(UnlikeProcessors) {
    guard isOfSameVendor(as: other) else { throw .vendor }
    reduceBasicFeatures(to: other[1])
    reduceStructuredFeatures(to: other)
    reduceExtendedState(to: other)
    reduceExtendedFeatures(to: other)
  }

  private func isOfSameVendor(as other: Self) -> Bool {
    let own = self[0]
    let others = other[0]
    return own.ebx == others.ebx && own.ecx == others.ecx && own.edx == others.edx
  }

  /// Leaf 1: the stepping and the brand stay.
  private mutating func reduceBasicFeatures(to other: CPUIDRegisters) {
    let lineSize: UInt32 = 0xFF << 8  // of CLFLUSH
    var registers = self[1]
    registers.ebx = registers.ebx & ~lineSize | min(registers.ebx & lineSize, other.ebx & lineSize)
    registers.ecx &= other.ecx
    registers.edx &= other.edx
    self[1] = registers
  }

  /// Bits of leaf 7's EBX that say what there is not: the FPU's data pointer but at exceptions, and its CS and DS.
  private static let absences: UInt32 = 1 << 6 | 1 << 13

  private mutating func reduceStructuredFeatures(to other: Self) {
    var registers = self[7]
    let others = other[7]
    registers.eax = min(registers.eax, others.eax)
    let absent = (registers.ebx | others.ebx) & Self.absences
    registers.ebx = registers.ebx & others.ebx & ~Self.absences | absent
    registers.ecx &= others.ecx
    registers.edx &= others.edx
    self[7] = registers
    self[7, 1] = self[7, 1].intersection(other[7, 1])
  }

  /// Leaf 0xD: a component that is not saved in the same way is none, since what one node saves the other restores.
  private mutating func reduceExtendedState(to other: Self) {
    var components = self[0xD].intersection(other[0xD])
    for component: UInt32 in [2, 5, 6, 7, 9]
    where !self[0xD, component].isSavedLike(other[0xD, component]) {
      components.eax &= ~(1 << component)
    }
    self[0xD] = components
    self[0xD, 1] = self[0xD, 1].intersection(other[0xD, 1])
  }

  private mutating func reduceExtendedFeatures(to other: Self) {
    self[0x8000_0000].eax = min(self[0x8000_0000].eax, other[0x8000_0000].eax)
    self[0x8000_0001].ecx &= other[0x8000_0001].ecx
    self[0x8000_0001].edx &= other[0x8000_0001].edx
    let sizes = self[0x8000_0008].eax
    let otherSizes = other[0x8000_0008].eax
    // Physical and linear addresses.
    self[0x8000_0008].eax = min(sizes & 0xFF, otherSizes & 0xFF) | min(sizes & 0xFF00, otherSizes & 0xFF00)
    self[0x8000_0008].ebx &= other[0x8000_0008].ebx
    self[0x8000_001A] = self[0x8000_001A].intersection(other[0x8000_001A])
  }
}

extension CPUIDRegisters {
  /// Of components of extended state: whether size, place and alignment are the same.
  fileprivate func isSavedLike(_ other: Self) -> Bool {
    eax == other.eax && ebx == other.ebx && (ecx ^ other.ecx) & 0b10 == 0
  }

  fileprivate func intersection(_ other: Self) -> Self {
    Self(eax: eax & other.eax, ebx: ebx & other.ebx, ecx: ecx & other.ecx, edx: edx & other.edx)
  }
}
