import Firmware

extension FirmwareTablesError {
  var summary: StaticString {
    switch self {
    case .noRootPointer: "no root pointer (RSDP)"
    case .malformedRootPointer: "a malformed root pointer (RSDP)"
    case .malformedRootTable: "a malformed root table (XSDT)"
    case .missing: "a table is missing"
    case .malformed: "a table is malformed"
    }
  }
}
