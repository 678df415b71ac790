import Memory

extension GuestPageWalk {
  /// Why PDPTE registers could not be loaded.
  public enum PointerFailure: Error, Equatable {
    /// An entry is present with reserved bits set: the MOV to a control register raises #GP(0).
    case reservedBits
    /// The table stands where there is no RAM.
    case memory(GuestMemoryError)
  }

  /// Loads the PDPTE registers, as a MOV to CR3 does under PAE paging (SDM Vol. 3A, 4.4.1).
  public static func pageDirectoryPointers<RAM: GuestMemory & ~Copyable>(
    cr3: UInt64, processor: Processor, memory: inout RAM
  ) throws(PointerFailure) -> InlineArray<4, UInt64> {
    let table = GuestPhysicalAddress(cr3 & 0xFFFF_FFE0)
    let reserved: UInt64 = ~0 << processor.physicalAddressWidth | 0b1_1110_0110
    var pointers = InlineArray<4, UInt64>(repeating: 0)
    for index in 0..<4 {
      do throws(GuestMemoryError) {
        pointers[index] = try memory.load(UInt64.self, at: table + 8 * UInt64(index))
      } catch {
        throw .memory(error)
      }
      guard pointers[index] & Entry.present == 0 || pointers[index] & reserved == 0 else {
        throw .reservedBits
      }
    }
    return pointers
  }
}
