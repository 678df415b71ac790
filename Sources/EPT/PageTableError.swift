/// Why a page table was not changed. No operation that throws has changed any translation, nor does it owe an
/// invalidation or keep a table.
public enum PageTableError: Error, Equatable {
  /// An address is no multiple of 4 KiB, or of the page size asked for.
  case misaligned
  /// The range ends beyond the 48 bits that four levels translate.
  case guestAddressOutOfRange
  /// The frames end beyond the processor's physical-address width.
  case hostAddressOutOfRange
  /// The processor has no leaf of that size.
  case unsupportedPageSize
  /// The format has no such combination of permissions; none at all is `unmap`'s business.
  case unsupportedPermissions
  /// The format has no such memory type.
  case unsupportedMemoryType
  /// There are too few free frames for the tables that the change needs.
  case outOfTables
}
