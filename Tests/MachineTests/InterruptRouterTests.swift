import Machine
import Testing

private typealias Router = InterruptRouter<2>

/// A table of vCPUs with these APIC ids, all in the same model with these logical ids (or none).
private func router(
  _ ids: [UInt32], _ model: APICAddressing.Model, logicalIDs: [UInt8] = []
) -> Router {
  var router = Router()
  for (index, id) in ids.enumerated() {
    let logicalID = index < logicalIDs.count ? logicalIDs[index] : 0
    let isAdded = router.append(
      apicID: id, APICAddressing(model: model, logicalID: logicalID, acceptsVectors: true))
    precondition(isAdded)
  }
  return router
}

extension InterruptRouter {
  fileprivate mutating func targets(
    _ destination: InterruptMessage.Destination, _ mode: InterruptMessage.DeliveryMode = .fixed,
    from source: Int? = nil
  ) -> [Int] {
    Array(resolve(InterruptMessage(to: destination, mode, vector: 0x40), from: source))
  }
}

struct VCPUSetTests {
  @Test func iteratesItsMembersInOrder() {
    var set = VCPUSet<3>()
    #expect(set.isEmpty)
    for index in [191, 0, 63, 64, 100] { set.set(index, to: true) }
    set.set(100, to: false)
    #expect(Array(set) == [0, 63, 64, 191])
    #expect(set.first(from: 65) == 191)
    #expect(set.contains(63) && !set.contains(100))
  }

  @Test func hasNoPlaceOutsideItsCapacity() {
    var set = VCPUSet<1>()
    for index in [-1, 64, Int.min, Int.max] {
      set.set(index, to: true)
      #expect(!set.contains(index))
      #expect(set.first(from: index) == nil)
    }
    #expect(set.isEmpty)
  }
}

struct InterruptRouterTests {
  @Test func aPhysicalDestinationIsOneVCPU() {
    var router = router([0, 1, 0x10, 0x11, 0x1000], .x2APIC)
    #expect(router.targets(.physical(0)) == [0])
    #expect(router.targets(.physical(0x11)) == [3])
    #expect(router.targets(.physical(0x1000)) == [4])
    for id: UInt32 in [2, 0xFF, 0x1001, .max] { #expect(router.targets(.physical(id)) == []) }
  }

  @Test func idsMustRiseAndFit() {
    var router = Router()
    let addressing = APICAddressing(model: .x2APIC, acceptsVectors: true)
    #expect(router.append(apicID: 5, addressing) == true)
    #expect(router.append(apicID: 5, addressing) == false)
    #expect(router.append(apicID: 4, addressing) == false)
    for id: UInt32 in 6..<6 + 127 { #expect(router.append(apicID: id, addressing) == true) }
    #expect(router.append(apicID: 1000, addressing) == false)
    #expect(router.count == 128)
    for id: UInt32 in 5..<5 + 128 { #expect(router.index(ofAPICID: id) == Int(id) - 5) }
  }

  @Test func broadcastsReachAllOrAllButTheSender() {
    var router = router([0, 1, 2, 70], .flat)
    #expect(router.targets(.all, from: 1) == [0, 1, 2, 3])
    #expect(router.targets(.others, from: 1) == [0, 2, 3])
    #expect(router.targets(.others) == [0, 1, 2, 3])
  }

  @Test func flatModelMatchesAnyCommonBit() {
    var router = router([0, 1, 2, 3], .flat, logicalIDs: [1, 2, 4, 0x0C])
    #expect(router.targets(.logical(0b0110)) == [1, 2, 3])
    #expect(router.targets(.logical(0b1000)) == [3])
    #expect(router.targets(.logical(0x10)) == [])
    #expect(router.targets(.logical(0x100)) == [])
    #expect(router.targets(.logical(0x1_0001)) == [])
  }

  @Test func clusterModelMatchesWithinOneCluster() {
    var router = router([0, 1, 2, 3], .cluster, logicalIDs: [0x01, 0x02, 0x11, 0x18])
    #expect(router.targets(.logical(0x03)) == [0, 1])
    #expect(router.targets(.logical(0x19)) == [2, 3])
    #expect(router.targets(.logical(0x21)) == [])
    #expect(router.targets(.logical(0x10)) == [])
  }

  @Test func x2APICLogicalDestinationsFollowFromTheIDs() {
    var router = router([0, 3, 0x0F, 0x10, 0x25, 0x12340], .x2APIC)
    #expect(router.targets(.logical(0x0000_8009)) == [0, 1, 2])
    #expect(router.targets(.logical(0x0001_0001)) == [3])
    #expect(router.targets(.logical(0x0002_FFFF)) == [4])
    #expect(router.targets(.logical(0x1234_0001)) == [5])
    #expect(router.targets(.logical(0x0002_0001)) == [])
    #expect(router.targets(.logical(0xFFFF_0000)) == [])
  }

  @Test func eachTargetReadsALogicalDestinationInItsOwnModel() {
    var router = router([0, 1, 2], .x2APIC)
    router.update(2, APICAddressing(model: .flat, logicalID: 0x02, acceptsVectors: true))
    #expect(router.targets(.logical(0x02)) == [1, 2])
    #expect(router.targets(.logical(0x04)) == [])
  }

  @Test func whoDoesNotListenIsNoTarget() {
    var router = router([0, 1, 2], .x2APIC)
    router.update(0, APICAddressing(model: .x2APIC, acceptsVectors: false))
    router.update(1, APICAddressing(model: .disabled, acceptsVectors: true))
    #expect(router.targets(.all) == [2])
    #expect(router.targets(.physical(0)) == [])
    #expect(router.targets(.logical(7)) == [2])
    for mode: InterruptMessage.DeliveryMode in [.initialize, .startUp, .nmi, .smi] {
      #expect(router.targets(.all, mode) == [0, 2])
      #expect(router.targets(.physical(1), mode) == [])
    }
    #expect(router.targets(.all, .lowestPriority) == [2])
  }

  @Test func lowestPriorityTakesTurns() {
    var router = router([0, 1, 2, 3], .flat, logicalIDs: [1, 2, 4, 8])
    let turns = (0..<6).map { _ in router.targets(.logical(0b1011), .lowestPriority) }
    #expect(turns == [[0], [1], [3], [0], [1], [3]])
    #expect(router.targets(.physical(2), .lowestPriority) == [2])
    #expect(router.targets(.logical(0x80), .lowestPriority) == [])
  }

  @Test func anIndexOutsideTheTableIsIgnored() {
    var router = router([0, 1], .x2APIC)
    for index in [-1, 2, 128, Int.max] {
      router.update(index, APICAddressing(model: .x2APIC, acceptsVectors: true))
      #expect(router.targets(.others, from: index) == [0, 1])
    }
  }

  @Test func aLocalAPICDescribesItselfSoThatItIsFound() throws {
    var apic = LocalAPIC(id: 0x21, isBootstrapProcessor: false, timerRatio: 1)
    var router = Router()
    #expect(router.append(apicID: apic.id, apic.addressing) == true)
    #expect(router.targets(.physical(0x21)) == [])
    #expect(router.targets(.physical(0x21), .startUp) == [0])
    _ = apic.writeRegister(offset: 0xF0, 0x1FF, now: 0)
    _ = apic.writeRegister(offset: 0xD0, 0x0800_0000, now: 0)
    router.update(0, apic.addressing)
    #expect(router.targets(.logical(0x08)) == [0])
    _ = try apic.writeMSR(0x1B, 0xFEE0_0C00, now: 0)
    router.update(0, apic.addressing)
    #expect(router.targets(.logical(0x08)) == [])
    #expect(router.targets(.logical(UInt32(try apic.readMSR(0x80D, now: 0)))) == [0])
  }
}
