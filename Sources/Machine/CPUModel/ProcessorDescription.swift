/// A processor as far as a guest's CPUID depends on it: some registers, in an order that all nodes know. Of leaves that are
/// not among them a guest sees nothing, and they read as zeros.
///
/// A node announces its own, with what its back end hides left out. The guest of a cluster has one that all its nodes
/// compute alike from what they know of each other: the first node's, reduced to each of the others in turn.
public struct ProcessorDescription: HostCPUID, Sendable {
  public static let wordCount = 120
  /// EAX, EBX, ECX and EDX of each row.
  public private(set) var words: InlineArray<120, UInt32>

  /// Any words will do: what they say that the processor has, they say.
  public init(words: InlineArray<120, UInt32>) { self.words = words }

  public init(_ host: some HostCPUID) {
    words = InlineArray(repeating: 0)
    for base: UInt32 in [0, Self.extended] {
      for leaf in base...base + 0x1F {
        for subleaf in 0..<Self.subleafCount(leaf) {
          guard let row = Self.row(leaf, subleaf) else { continue }
          self[row] = host.registers(leaf: leaf, subleaf: subleaf)
        }
      }
    }
  }

  public func registers(leaf: UInt32, subleaf: UInt32) -> CPUIDRegisters {
    let hasSubleaves = Self.subleafCount(leaf) > 1
    guard let row = Self.row(leaf, hasSubleaves ? subleaf : 0) else { return CPUIDRegisters() }
    return self[row]
  }

  // MARK: Rows

  private static let extended: UInt32 = 0x8000_0000

  private static func subleafCount(_ leaf: UInt32) -> UInt32 {
    switch leaf {
    case 0x4, extended | 0x1D: 4
    case 0x7: 2
    case 0xD: 10
    default: 1
    }
  }

  /// Where a subleaf below `subleafCount` stands.
  private static func row(_ leaf: UInt32, _ subleaf: UInt32) -> Int? {
    let subleaf = Int(subleaf)
    switch leaf {
    case 0x0...0x2: return Int(leaf)
    case 0x4: return subleaf < 4 ? 3 + subleaf : nil  // caches
    case 0x7: return subleaf < 2 ? 7 + subleaf : nil
    case 0xD:
      switch subleaf {
      case 0, 1, 2: return 9 + subleaf  // what there is, how it is saved, AVX
      case 5, 6, 7: return 7 + subleaf  // AVX-512
      case 9: return 15  // protection keys
      default: return nil
      }
    case extended | 0x0...extended | 0x6: return 16 + Int(leaf & 0xF)
    case extended | 0x8: return 23
    case extended | 0x19, extended | 0x1A: return 15 + Int(leaf & 0xF)
    case extended | 0x1D: return subleaf < 4 ? 26 + subleaf : nil  // caches
    default: return nil
    }
  }

  private subscript(row: Int) -> CPUIDRegisters {
    get {
      CPUIDRegisters(
        eax: words[4 * row], ebx: words[4 * row + 1], ecx: words[4 * row + 2], edx: words[4 * row + 3])
    }
    set {
      words[4 * row] = newValue.eax
      words[4 * row + 1] = newValue.ebx
      words[4 * row + 2] = newValue.ecx
      words[4 * row + 3] = newValue.edx
    }
  }

  /// - Precondition: there is such a row.
  subscript(leaf: UInt32, subleaf: UInt32 = 0) -> CPUIDRegisters {
    get { registers(leaf: leaf, subleaf: subleaf) }
    set {
      guard let row = Self.row(leaf, subleaf) else { return }
      self[row] = newValue
    }
  }
}

extension ProcessorDescription: Equatable {
  public static func == (left: Self, right: Self) -> Bool {
    for index in 0..<wordCount where left.words[index] != right.words[index] { return false }
    return true
  }
}
