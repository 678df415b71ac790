import EPT
import Memory

/// A table under test together with its frames and the processor that walks it.
final class TableBench<Processor: SecondLevelProcessor> {
  let processor: Processor
  let frames: TableFrames
  /// The table's root, for walks while an operation has the table.
  let root: HostPhysicalAddress
  var table: PageTable<Processor.Format, ArrayTableMemory>

  init(_ processor: Processor, capacity: Int = 64) throws {
    self.processor = processor
    frames = TableFrames(capacity: capacity)
    table = try PageTable(format: processor.format, memory: ArrayTableMemory(frames: frames))
    root = table.root
  }

  func walk(_ address: UInt64) -> Walk { processor.walk(address, frames, from: root) }

  /// The mapping that the processor finds, or nil. A malformed entry is caught by `sweep`.
  func mapping(_ address: UInt64) -> Mapping? {
    if case .mapped(let mapping) = walk(address) { mapping } else { nil }
  }

  var hasMalformedEntry: Bool { processor.sweep(frames, root).malformed != nil }

  /// The error that an operation throws, or nil.
  func error(
    _ operation: (inout PageTable<Processor.Format, ArrayTableMemory>) throws(PageTableError) -> Invalidation
  ) -> PageTableError? {
    do throws(PageTableError) {
      _ = try operation(&table)
      return nil
    } catch {
      return error
    }
  }
}

func pages(_ start: UInt64, _ bytes: UInt64) -> Range<GuestPhysicalAddress> {
  GuestPhysicalAddress(start)..<GuestPhysicalAddress(start + bytes)
}

let kib4: UInt64 = 1 << 12
let mib2: UInt64 = 1 << 21
let gib1: UInt64 = 1 << 30
