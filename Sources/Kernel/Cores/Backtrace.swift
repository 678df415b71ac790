import Assembly
import Memory

/// The chain of frames that RBP links, newest first.
struct Backtrace {
  private static let depthLimit = 24
  private let framePointer: UInt64

  init(framePointer: UInt64) { self.framePointer = framePointer }

  /// Prints one line per frame; `instruction` is where the newest one was.
  func print(startingAt instruction: UInt64? = nil) {
    if let instruction { Self.printFrame(instruction) }
    var frame = framePointer
    for _ in 0..<Self.depthLimit {
      guard frame != 0, frame & 7 == 0, Self.isMapped(frame) else { return }
      let returnAddress = Self.word(at: frame + 8)
      guard returnAddress != 0 else { return }
      Self.printFrame(returnAddress)
      let next = Self.word(at: frame)
      guard next > frame else { return }
      frame = next
    }
  }

  private static func printFrame(_ address: UInt64) {
    var line: LogLine = "  at \(hex: address, digits: 8) "
    if let symbol = SymbolTable.lookUp(address) {
      symbol.appendName(to: &line)
      line.append("+")
      line.append("0x")
      line.append(hex: address - symbol.start, digits: 1)
    }
    panicLine(line)
  }

  /// Whether the two words of a frame can be read.
  private static func isMapped(_ address: UInt64) -> Bool {
    KernelPageTables.isMapped(address) && KernelPageTables.isMapped(address + 15)
  }

  private static func word(at address: UInt64) -> UInt64 {
    unsafe UnsafePointer<UInt64>(bitPattern: UInt(address)).unsafelyUnwrapped.pointee
  }
}

/// The function symbols of this image (scripts/symbols.py has the format).
enum SymbolTable {
  struct Symbol {
    let start: UInt64
    fileprivate let name: UInt64

    func appendName(to line: inout LogLine) {
      var address = name
      while true {
        let byte = unsafe UnsafePointer<UInt8>(bitPattern: UInt(address)).unsafelyUnwrapped.pointee
        guard byte != 0 else { return }
        line.append(byte: byte)
        address += 1
      }
    }
  }

  /// The last symbol at or below an address within the code.
  static func lookUp(_ address: UInt64) -> Symbol? {
    guard address >= __text_startAddress(), address < __text_endAddress() else { return nil }
    let table = symbolTableAddress()
    var low = 0
    var high = Int(word(table))
    while low < high {
      let middle = (low + high) / 2
      if UInt64(word(table + 4 + 8 * UInt64(middle))) <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let entry = table + 4 + 8 * UInt64(low - 1)
    return Symbol(start: UInt64(word(entry)), name: table + UInt64(word(entry + 4)))
  }

  private static func word(_ address: UInt64) -> UInt32 {
    unsafe UnsafeRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped.loadUnaligned(as: UInt32.self)
  }
}
