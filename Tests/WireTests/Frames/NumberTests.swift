import Ethernet
import Support
import Testing
import Wire

/// The small types that headers consist of.
struct NumberTests {
  @Test func sequenceNumbersAreComparedAcrossTheirWrap() {
    let last = SequenceNumber(.max)
    #expect((last + 1).value == 0)
    #expect((last + 3).distance(from: last) == 3)
    #expect(last.distance(from: last + 3) == -3)
    #expect(last.distance(from: last) == 0)
    #expect(SequenceNumber(1 << 31).distance(from: SequenceNumber(1)) == 1 << 31 - 1)
  }

  @Test func aSetOfNodesHoldsEveryNodeAndNothingElse() {
    var set = NodeSet()
    var generator = SeededGenerator(seed: 3)
    var members: Set<UInt16> = []
    for _ in 0..<2000 {
      let number = UInt16(generator.next() % 256)
      if generator.next() % 2 == 0 {
        set.insert(NodeID(number))
        members.insert(number)
      } else {
        set.remove(NodeID(number))
        members.remove(number)
      }
      #expect(set.count == members.count && set.isEmpty == members.isEmpty)
      #expect(set.contains(NodeID(number)) == members.contains(number))
      let start = UInt16(generator.next() % 256)
      #expect(set.first(from: Int(start))?.value == members.filter { $0 >= start }.min())
    }
    #expect(!set.contains(.none) && !set.contains(NodeID(256)))
    set.remove(.none)
    #expect(set.first(from: 256) == nil)
  }

  @Test func anInstantStopsAtTheEndOfTime() {
    let instant = Instant(nanoseconds: 5)
    #expect(instant + 7 == Instant(nanoseconds: 12))
    #expect(instant + .max == .never && Instant.never + 1 == .never)
    #expect(instant.since(Instant(nanoseconds: 2)) == 3 && instant.since(Instant(nanoseconds: 9)) == 0)
  }

  @Test func anAddressOfAGroupHasItsBit() {
    #expect(MACAddress.broadcast.isGroup && MACAddress(0x01_00_5E_00_00_01).isGroup)
    #expect(!MACAddress(0x52_54_00_12_34_01).isGroup)
    #expect(MACAddress(0xFFFF_5254_0012_3401) == MACAddress(0x5254_0012_3401))
  }

  @Test func droppedFramesAreCountedByReason() {
    var counters = FrameCounters()
    for raw in 0..<UInt8(FrameError.count) {
      for _ in 0...raw { counters.count(FrameError(rawValue: raw)!) }
    }
    for raw in 0..<UInt8(FrameError.count) {
      #expect(counters[FrameError(rawValue: raw)!] == UInt64(raw) + 1)
    }
    #expect(counters.total == 136)
    #expect(FrameError(rawValue: UInt8(FrameError.count)) == nil)
  }
}
