/// How APIC ids are made of a package and a core: one thread a core, one package a proximity domain.
public struct ProcessorTopology: Equatable, Sendable {
  /// Width of the core's number, the low part of an APIC id.
  public let coreIDBits: UInt32

  /// A topology whose largest package has `coresPerPackage` cores, at most 2¹⁵.
  public init(coresPerPackage: UInt32) {
    let highest = min(max(coresPerPackage, 1), 1 << 15) - 1
    coreIDBits = UInt32(UInt32.bitWidth - highest.leadingZeroBitCount)
  }

  /// APIC ids that one package spans.
  var idsPerPackage: UInt32 { 1 << coreIDBits }

  public func apicID(package: UInt32, core: UInt32) -> UInt32 {
    package << coreIDBits | core & (idsPerPackage - 1)
  }

  func package(of apicID: UInt32) -> UInt32 { apicID >> coreIDBits }
  func core(of apicID: UInt32) -> UInt32 { apicID & (idsPerPackage - 1) }
}
