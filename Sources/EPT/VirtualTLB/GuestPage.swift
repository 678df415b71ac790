import Memory

/// What the guest's tables say of one address: the part of a translation that a TLB holds.
struct GuestPage {
  var physicalAddress: GuestPhysicalAddress
  /// Bytes of the guest's page.
  var size: UInt64
  var permissions: GuestPageWalk.Permissions
  var isGlobal: Bool
  var isDirty: Bool
}

extension GuestPage {
  @inline(__always)
  init(_ translation: GuestPageWalk.Translation) {
    physicalAddress = translation.physicalAddress
    size = translation.size
    permissions = translation.permissions
    isGlobal = translation.isGlobal
    isDirty = translation.isDirty
  }
}
