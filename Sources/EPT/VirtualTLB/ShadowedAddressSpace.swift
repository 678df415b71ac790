/// A guest address space of long mode for which a virtual TLB keeps tables.
struct ShadowedAddressSpace {
  /// The address in the guest's CR3; nil if there is no such space.
  var cr3: UInt64?
  /// The number of the CR3 load that made it active last.
  var lastLoad: UInt64 = 0
}
