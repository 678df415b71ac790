import EPT

extension PageTableError {
  var summary: StaticString {
    switch self {
    case .misaligned: "an address is not a multiple of the page size"
    case .guestAddressOutOfRange: "an address is beyond what the tables can translate"
    case .hostAddressOutOfRange: "an address is beyond this CPU's physical addresses"
    case .unsupportedPageSize: "a page size that this CPU lacks"
    case .unsupportedPermissions: "permissions that this CPU lacks"
    case .unsupportedMemoryType: "a memory type that these tables lack"
    case .outOfTables: "no frame is left for a table"
    }
  }
}
