/// One bit for each of the 256 interrupt vectors, as in a local APIC's IRR, ISR and TMR.
struct VectorSet: Sendable {
  private var words = InlineArray<4, UInt64>(repeating: 0)

  @inline(__always)
  subscript(vector: UInt8) -> Bool {
    get { words[Int(vector >> 6)] &>> UInt64(vector & 63) & 1 != 0 }
    set {
      let bit: UInt64 = 1 &<< UInt64(vector & 63)
      if newValue { words[Int(vector >> 6)] |= bit } else { words[Int(vector >> 6)] &= ~bit }
    }
  }

  @inline(__always)
  var highest: UInt8? {
    var index = 3
    while index >= 0 {
      let word = words[index]
      if word != 0 { return UInt8(index << 6 | (63 - word.leadingZeroBitCount)) }
      index -= 1
    }
    return nil
  }

  /// The bits of vectors 32·`index`…32·`index`+31, as one of the eight registers shows them.
  func registerImage(_ index: UInt8) -> UInt32 {
    UInt32(truncatingIfNeeded: words[Int(index >> 1 & 3)] &>> (UInt64(index & 1) * 32))
  }
}
