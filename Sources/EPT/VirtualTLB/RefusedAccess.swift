import Memory

/// An access that the processor refused although there was a shadow leaf that grants it.
struct RefusedAccess: Equatable {
  var address: GuestVirtualAddress
  var errorCode: GuestPageWalk.ErrorCode
}
