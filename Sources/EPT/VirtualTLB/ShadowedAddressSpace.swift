/// A guest address space for which a virtual TLB keeps tables.
struct ShadowedAddressSpace {
  /// The address in the guest's CR3, in long mode; nil if there is no such space.
  var cr3: UInt64?
  /// The number of the CR3 load that made it active last.
  var lastLoad: UInt64 = 0
  /// How often its leaves were checked.
  var checks: UInt64 = 0
}
