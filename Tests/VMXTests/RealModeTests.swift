import Testing
import VCPU

@testable import VMX

/// 64 KiB of guest memory as words.
private final class Memory {
  var bytes = [UInt8](repeating: 0, count: 0x1_0000)

  func read(_ address: UInt64) -> UInt16? {
    guard address + 1 < bytes.count else { return nil }
    return UInt16(bytes[Int(address)]) | UInt16(bytes[Int(address) + 1]) << 8
  }

  func write(_ address: UInt64, _ word: UInt16) -> Bool {
    guard address + 1 < bytes.count else { return false }
    bytes[Int(address)] = UInt8(word & 0xFF)
    bytes[Int(address) + 1] = UInt8(word >> 8)
    return true
  }

  var words: GuestWords {
    GuestWords(read: { self.read($0) }, write: { self.write($0, $1) })
  }
}

@Suite struct RealModeInterruptTests {
  private let memory = Memory()
  private let table = DescriptorTable(base: 0, limit: 0x3FF)
  private let before = RealModeInterrupt(
    flags: 0x4_0746, code: 0x1234, instructionPointer: 0x5678, stack: 0x100, stackPointer: 0x80)

  @Test func anEventPushesThreeWordsAndGoesToItsVector() throws {
    _ = memory.write(4 * 0x21, 0xBEEF)
    _ = memory.write(4 * 0x21 + 2, 0xCAFE)
    var interrupt = before
    try interrupt.take(0x21, through: table, memory.words)
    // IF, TF and AC are clear in the handler.
    #expect(
      interrupt
        == RealModeInterrupt(
          flags: 0x446, code: 0xCAFE, instructionPointer: 0xBEEF, stack: 0x100, stackPointer: 0x7A))
    #expect(memory.read(0x107E) == 0x0746)
    #expect(memory.read(0x107C) == 0x1234)
    #expect(memory.read(0x107A) == 0x5678)
  }

  @Test func theTableMayBeElsewhere() throws {
    _ = memory.write(0x800 + 4, 0x1111)
    var interrupt = before
    try interrupt.take(1, through: DescriptorTable(base: 0x800, limit: 7), memory.words)
    #expect(interrupt.instructionPointer == 0x1111)
  }

  @Test func aTableThatEndsBeforeTheEntryChangesNothing() {
    var interrupt = before
    for limit: UInt16 in [0, 4 * 0x21 + 2] {
      #expect(throws: RealModeInterrupt.Failure.beyondTable) {
        try interrupt.take(0x21, through: DescriptorTable(base: 0, limit: limit), memory.words)
      }
    }
    #expect(interrupt == before)
  }

  @Test func theStackWrapsAtItsStart() throws {
    var interrupt = before
    interrupt.stackPointer = 2
    interrupt.stack = 0
    try interrupt.take(3, through: table, memory.words)
    #expect(interrupt.stackPointer == 0xFFFC)
    #expect(memory.read(0) == 0x0746)
    #expect(memory.read(0xFFFC) == 0x5678)
  }

  @Test(arguments: [1, 3, 5] as [UInt16]) func aWordThatWouldStraddleTheStacksEndIsAFailure(pointer: UInt16) {
    var interrupt = before
    interrupt.stackPointer = pointer
    #expect(throws: RealModeInterrupt.Failure.stackPointer) {
      try interrupt.take(3, through: table, memory.words)
    }
  }

  @Test func aStackOrTableOutsideMemoryIsAFailure() {
    var interrupt = before
    interrupt.stack = 0xF000
    #expect(throws: RealModeInterrupt.Failure.memory) {
      try interrupt.take(3, through: table, memory.words)
    }
    interrupt = before
    #expect(throws: RealModeInterrupt.Failure.memory) {
      try interrupt.take(3, through: DescriptorTable(base: 1 << 20, limit: 0x3FF), memory.words)
    }
  }

  @Test func whatTheTableDoesNotReachEndsInShutdown() {
    #expect(RealModeInterrupt.successor(of: 0x21) == 13)
    #expect(RealModeInterrupt.successor(of: 6) == 13)
    #expect(RealModeInterrupt.successor(of: 0) == 8)
    #expect(RealModeInterrupt.successor(of: 13) == 8)
    #expect(RealModeInterrupt.successor(of: 8) == nil)
  }
}

@Suite struct RealModeSegmentTests {
  @Test func aSegmentOfRealModeStaysWhereItIs() throws {
    let segment = try Segment.real(base: 0x9_9000).asVirtual8086()
    #expect(segment == Segment(selector: 0x9900, attributes: 0xF3, limit: 0xFFFF, base: 0x9_9000))
  }

  @Test func whatProtectedModeHasLeftKeepsItsBase() throws {
    let data = Segment(selector: 0x28, attributes: 0xC093, limit: .max, base: 0x8000)
    #expect(
      try data.asVirtual8086() == Segment(selector: 0x800, attributes: 0xF3, limit: 0xFFFF, base: 0x8000))
    #expect(try Segment.unusable.asVirtual8086().base == 0)
  }

  @Test func aBaseThatNoSelectorHasIsAProblem() {
    for base: UInt64 in [0xFFFF_0000, 0x10_0000, 8, 0xFFFF_8000_0000_0000] {
      #expect(throws: RealModeProblem.segmentBase) { try Segment.real(base: base).asVirtual8086() }
    }
    #expect(throws: Never.self) { try Segment.real(base: 0xF_FFF0).asVirtual8086() }
  }

  @Test func protectedModeBeginsWithPrivilegeLevel0() {
    let segment = Segment(selector: 0x9903, attributes: 0xF3, limit: 0xFFFF, base: 0x9_9030)
    #expect(
      segment.asProtected(.cs) == Segment(selector: 0x9900, attributes: 0x9B, limit: 0xFFFF, base: 0x9_9030))
    #expect(
      segment.asProtected(.ss) == Segment(selector: 0x9900, attributes: 0x93, limit: 0xFFFF, base: 0x9_9030))
    // A data segment's DPL must not be less than its selector's RPL.
    #expect(segment.asProtected(.ds).selector == 0x9903)
    #expect(segment.asProtected(.ds).attributes == 0xF3)
  }

  @Test func aTaskWithoutAPermissionMapIsMeasuredInBytes() {
    let task = Segment(selector: 0x40, attributes: 0x808B, limit: 0x1FFF, base: 0x1000)
    #expect(
      task.withoutPermissionMap == Segment(selector: 0x40, attributes: 0x8B, limit: 0, base: 0x1000))
  }
}
