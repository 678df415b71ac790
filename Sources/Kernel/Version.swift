/// This software's version (semantic versioning).
enum Version {
  static let text: StaticString = "0.1.0"
}
