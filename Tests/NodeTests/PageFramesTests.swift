import Memory
import Support
import Testing

@testable import Node

struct PageFramesTests {
  /// Frames come, pages enter and leave them, messages hold them: none is ever lost, or in two places.
  @Test func noFrameIsLostOrUsedTwice() {
    for seed in 0..<20 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let capacity = Int.random(in: 1...12, using: &generator)
      let pageCount = 16
      var numbers = Array(3..<UInt64(3 + capacity))
      var frames = PageFrames(
        pageCount: pageCount, capacity: capacity, limit: HostPhysicalAddress(UInt64(3 + capacity) * 4096))
      var holds: [HostPhysicalAddress: Int] = [:]
      for _ in 0..<500 {
        let page = PageNumber(UInt64.random(in: 0..<UInt64(pageCount), using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0:
          guard !numbers.isEmpty else { continue }
          let place = Int.random(in: numbers.indices, using: &generator)
          frames.add(HostPhysicalAddress(numbers.remove(at: place) * 4096))
        case 1:
          let hadRoom = frames.freeCount > 0 || frames[page] != nil
          let isProvided = frames.provide(page)
          #expect(isProvided == hadRoom)
        case 2: frames.vacate(page)
        case 3:
          guard let frame = frames[page] else { continue }
          let isHeld = frames.hold(frame)
          #expect(isHeld)
          holds[frame, default: 0] += 1
        default:
          guard let frame = holds.keys.randomElement(using: &generator) else { continue }
          frames.release(frame)
          holds[frame]! -= 1
          if holds[frame] == 0 { holds[frame] = nil }
        }
        let occupied = (0..<pageCount).compactMap { frames[PageNumber(UInt64($0))] }
        let used = Set(occupied).union(holds.keys)
        #expect(Set(occupied).count == occupied.count)
        #expect(frames.totalCount == capacity - numbers.count)
        #expect(frames.freeCount == frames.totalCount - used.count)
        #expect(used.allSatisfy { !numbers.contains($0.value / 4096) })
        #expect(used.allSatisfy { frames.isHeld($0) == (holds[$0] != nil) })
      }
      // What is free is just what nobody has.
      for page in 0..<UInt64(pageCount) { frames.vacate(PageNumber(page)) }
      for (frame, count) in holds { for _ in 0..<count { frames.release(frame) } }
      var found: Set<UInt64> = []
      for page in 0..<UInt64(frames.totalCount) {
        let isProvided = frames.provide(PageNumber(page))
        #expect(isProvided)
        found.insert(frames[PageNumber(page)]!.value / 4096)
      }
      #expect(found == Set(3..<UInt64(3 + capacity)).subtracting(numbers))
      #expect(frames.freeCount == 0)
    }
  }
}
