import Ethernet
import Foundation

extension [UInt8] {
  /// Whether `other` holds the same. Without optimisation `==` goes through each element's `Equatable`.
  func hasSameBytes(as other: [UInt8]) -> Bool {
    count == other.count
      && withUnsafeBytes { left in
        other.withUnsafeBytes { right in
          count == 0 || memcmp(left.baseAddress!, right.baseAddress!, count) == 0
        }
      }
  }
}
