import Cluster
import Coherence
import Firmware
import Machine
import Memory
import Node
import Wire

// Where the frames of a node come from: what was announced is what is free, and on the node that loads the guest also the
// frames of the boot modules. These hold the guest's kernel until it has been loaded, which takes as many other frames; so
// the engine gets them afterwards.

extension ClusterStart {
  /// Frames that are taken before the other nodes hear of this one again: silence is taken for death.
  private static var batch: Int { 4096 }

  /// Gives the engine its frames, as far as they are free.
  ///
  /// - Returns: how many it is to get when the guest has been loaded.
  func startMemory(_ layout: GuestLayout) -> Int {
    let index = local.index
    let count = layout.frameCount(of: index)
    var twins: [HostPhysicalAddress] = []
    twins.reserveCapacity(layout.twinCount(of: index))
    for _ in 0..<layout.twinCount(of: index) {
      guard let frame = Frames.take() else { refuseForLackOfMemory() }
      twins.append(frame)
    }
    // Before frames become few: it takes adjacent ones.
    unsafe service.pointee.engine.startMemory(
      HomeMap(pageCounts: layout.pageCounts), frameCapacity: count, frameLimit: Frames.limit, twins: twins)
    unsafe service.pointee.exchangeFrames()
    let kept = Self.keptFrameCount(layout.map)
    let free = Int(Frames.freeBytes / pageSize)
    let takenCount = min(count, max(0, free - kept))
    guard count - takenCount <= moduleFrameCount else { refuseForLackOfMemory() }
    for number in 0..<takenCount {
      guard let frame = Frames.take() else { refuseForLackOfMemory() }
      unsafe service.pointee.engine.addFrame(frame)
      if number % Self.batch == 0 { unsafe service.pointee.exchangeFrames() }
    }
    unsafe service.pointee.exchangeFrames()
    log.debug(
      "memory: \(count) frames for pages, \(count - takenCount) of them of boot modules, \(twins.count) for twins, \(kept) of \(Frames.freeBytes / pageSize) others for tables"
    )
    return count - takenCount
  }

  private func refuseForLackOfMemory() -> Never {
    refuse("this node has less memory left than it has announced")
  }

  /// Frames that are to be free when the engine has its own: for the second-level tables of all of the guest's memory, and a
  /// few for each core and for the heap.
  private static func keptFrameCount(_ map: GuestMemoryMap) -> Int {
    var tableCount = 2
    for range in map.ranges {
      for shift in [21, 30] as [UInt64] {
        tableCount += Int((range.upperBound - 1) >> shift - range.lowerBound >> shift) + 1
      }
    }
    return tableCount + 4 * node.coreCount + 32
  }

  private var moduleFrameCount: Int {
    var count: UInt64 = 0
    for index in moduleFrames.indices { count += moduleFrames[index].byteCount / pageSize }
    return Int(count)
  }

  /// This node's boot modules are not needed.
  mutating func freeModules() {
    reuseModules(0)
    moduleFrames = BoundedList(filler: HostPhysicalAddress(0)..<HostPhysicalAddress(0))
  }

  /// Nobody reads the boot modules any more: gives so many of their frames to the engine, and the others back.
  func reuseModules(_ count: Int) {
    var left = count
    for index in moduleFrames.indices {
      var frame = moduleFrames[index].lowerBound
      let end = moduleFrames[index].upperBound
      while left > 0, frame < end {
        unsafe service.pointee.engine.addFrame(frame)
        frame = frame + pageSize
        left -= 1
      }
      if frame < end { Frames.free(frame, count: Int((end.value - frame.value) / pageSize)) }
    }
  }
}
