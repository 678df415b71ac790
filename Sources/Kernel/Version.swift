/// This software's version (semantic versioning).
enum Version {
  static let text: StaticString = "0.1.0"
  static let major: UInt16 = 0
  static let minor: UInt16 = 1
  static let patch: UInt16 = 0
}
