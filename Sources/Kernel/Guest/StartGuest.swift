import CPU
import Coherence
import EPT
import Firmware
import Machine
import Memory
import VCPU
import VMX
import Wire

// How the guest comes to be: its memory, what is loaded there, its vCPUs. All of it on the boot core, before the
// others look at it.

/// The virtual machine of this node, by the vendor of its CPU.
@safe
enum RunningMachine {
  case none
  case vmx(UnsafeMutablePointer<VirtualMachine<VMXBackend>>)
  case svm(UnsafeMutablePointer<VirtualMachine<SVMBackend>>)
}

private nonisolated(unsafe) var machine = RunningMachine.none

/// Makes the guest that the boot modules describe, or this node's part of it, or ends with the reason why not.
func startGuest(_ boot: BootInformation, _ cluster: ClusterStart? = nil) {
  guard !boot.modules.isEmpty || cluster?.isLoader == false else {
    refuse("no guest: give its kernel as the first boot module, its initrd as the second")
  }
  do {
    if SVMBackend.isOffered {
      let processor = makeGuestCPUID(SVMBackend.self, cluster)
      let made = unsafe try makeMachine(
        try SVMBackend(node.options.paging, isDistributed: cluster != nil, processor), processor, boot,
        cluster)
      unsafe machine = .svm(made)
    } else {
      let processor = makeGuestCPUID(VMXBackend.self, cluster)
      let made = unsafe try makeMachine(
        try VMXBackend(node.options.paging, processor), processor, boot, cluster)
      unsafe machine = .vmx(made)
    }
  } catch {
    refuse("cannot run guests: \(error.advice)")
  }
}

/// What there is of this processor, or of all those of a cluster, for the guest to see.
@inline(never)
private func makeGuestCPUID<Host: Backend>(_ backend: Host.Type, _ cluster: ClusterStart?) -> GuestCPUID {
  let own = ProcessorDescription(Host.hostCPUID(node.options.paging, isDistributed: cluster != nil))
  guard let cluster else { return GuestCPUID(own) }
  let processor = cluster.makeProcessor()
  var least = own
  do {
    try least.reduce(to: processor)
  } catch {
    refuse("the cluster's guest is one for processors of another maker")
  }
  if least != own { log.info("cluster: the guest sees only what all nodes' processors have") }
  return GuestCPUID(processor)
}

/// What every core does once the guest is there. The last one to leave ends the run.
func runCore() -> Never {
  switch unsafe machine {
  case .none: stopForGood()
  case .vmx(let machine): unsafe runCore(machine)
  case .svm(let machine): unsafe runCore(machine)
  }
}

private func runCore<Host: Backend>(_ machine: UnsafeMutablePointer<VirtualMachine<Host>>) -> Never {
  if Core.currentIndex != 0 {
    do {
      try unsafe machine.pointee.backend.enableOnThisCore()
    } catch {
      panic("core \(Core.currentIndex) cannot run guests: \(error.advice)")
    }
  }
  if Core.currentIndex == node.coreCount - 1 { crashIfAsked() }
  unsafe machine.pointee.runCore()
  if unsafe machine.pointee.leave() {
    unsafe report(machine)
  }
  stopForGood()
}

private func makeMachine<Host: Backend>(
  _ backend: Host, _ processor: GuestCPUID, _ boot: BootInformation, _ cluster: ClusterStart?
) throws(BackendError) -> UnsafeMutablePointer<VirtualMachine<Host>> {
  try backend.enableOnThisCore()
  let paging: StaticString = backend.isShadowed ? "shadow" : "nested"
  log.info("\(Host.name) with \(paging) paging")
  // The guest is told of a TSC that is faster than what it gets: so all of its time is slower.
  let hertz = cluster?.plan.frequency ?? node.clock.frequency * node.options.timeScale
  guard let frequency = TSCFrequency(hertz: hertz) else {
    refuse("the guest's TSC frequency of \(hertz) Hz is out of any CPU's range")
  }
  let vCPUs = VCPUPlaces(cluster)
  let map = guestMemoryMap(vCPUs, isShadowed: backend.isShadowed, cluster)
  let policy = CPUIDPolicy(
    host: processor, topology: vCPUs.topology, frequency: frequency, timerRatio: 1,
    allowedXCR0: offeredStates, offersSpeculationControl: false)

  let space = UnsafeMutablePointer<GuestAddressSpace<Host.Format>>.allocate(capacity: 1)
  do {
    unsafe space.initialize(
      to: try GuestAddressSpace(map: map, format: backend.format, isDistributed: cluster != nil))
  } catch {
    refuse("the guest's page tables cannot be made: \(error.summary)")
  }
  let machine = UnsafeMutablePointer<VirtualMachine<Host>>.allocate(capacity: 1)
  unsafe machine.initialize(
    to: VirtualMachine(
      backend: backend, space: space, processor: processor, cpuidPolicy: policy, frequency: frequency,
      secondsSinceEpoch: HostClock.secondsSinceEpoch(), firstProcessor: vCPUs.own.lowerBound,
      processorCount: vCPUs.own.count, startTime: cluster?.startTime() ?? readTSC(),
      cluster: makeClusterGuest(cluster, vCPUs)))
  for index in 0..<vCPUs.count { unsafe addRoute(index, vCPUs, machine) }
  for index in vCPUs.own { unsafe makeProcessor(index, vCPUs, machine) }
  var lateFrameCount = 0
  if let cluster, let layout = vCPUs.layout {
    let distances = cluster.measureDistances()
    lateFrameCount = cluster.startMemory(layout)
    unsafe cluster.agree(distances, machine.pointee)
  }
  // Linux believes CPUID's leaf 15H of Intel's processors alone.
  if cluster?.isLoader != false {
    unsafe load(boot, map, vCPUs, linuxTSC: policy.vendor == .amd ? frequency : nil, machine)
  }
  if let cluster {
    cluster.reuseModules(lateFrameCount)
    unsafe cluster.service.pointee.ringAlways()
  }
  return unsafe machine
}

private func makeClusterGuest(
  _ cluster: ClusterStart?, _ vCPUs: VCPUPlaces
) -> UnsafeMutablePointer<ClusterGuest>? {
  guard let cluster, let layout = vCPUs.layout else { return nil }
  let guest = UnsafeMutablePointer<ClusterGuest>.allocate(capacity: 1)
  unsafe guest.initialize(
    to: ClusterGuest(cluster, layout: layout, processorCount: vCPUs.own.count))
  return unsafe guest
}

/// Where the guest's vCPUs are.
private struct VCPUPlaces {
  /// Of a cluster.
  let layout: GuestLayout?
  /// In the whole guest.
  let count: Int
  /// On this node.
  let own: Range<Int>
  /// A node is a package.
  let topology: ProcessorTopology
  /// Where vCPUs run on shadow tables: what each of this node takes for them.
  let shadowFrameCount: Int

  init(_ cluster: ClusterStart?) {
    guard let cluster else {
      layout = nil
      count = node.options.guestVCPUs ?? node.coreCount
      own = 0..<count
      topology = ProcessorTopology(coresPerPackage: UInt32(count))
      shadowFrameCount = ShadowFrames.count(memorySize: Frames.freeBytes)
      return
    }
    let layout = cluster.makeLayout()
    self.layout = layout
    count = layout.vCPUCount
    own = layout.vCPUs(of: cluster.local.index)
    var most = 1
    for index in 0..<layout.nodeCount { most = max(most, layout.vCPUs(of: index).count) }
    topology = ProcessorTopology(coresPerPackage: UInt32(most))
    shadowFrameCount = ShadowFrames.count(memorySize: cluster.announcedMemorySize)
  }

  func domain(_ index: Int) -> Int { layout?.node(ofVCPU: index) ?? 0 }

  func apicID(_ index: Int) -> UInt32 {
    let package = domain(index)
    let first = layout?.vCPUs(of: package).lowerBound ?? 0
    return topology.apicID(package: UInt32(package), core: UInt32(index - first))
  }

  /// In the state after RESET.
  func localAPIC(_ index: Int) -> LocalAPIC {
    LocalAPIC(
      id: apicID(index), isBootstrapProcessor: index == 0, timerRatio: 1,
      mode: apicID(index) < 255 ? .xAPIC : .x2APIC)
  }
}

/// x87, SSE, AVX and AVX-512 (SDM Vol. 1, 13.1). Not protection keys: the guest page walk knows none.
private var offeredStates: UInt64 { 0b1110_0111 }

/// As much RAM as the node can give, or as was asked for.
private func guestMemoryMap(
  _ vCPUs: VCPUPlaces, isShadowed: Bool, _ cluster: ClusterStart?
) -> GuestMemoryMap {
  if let cluster {
    guard let map = GuestMemoryMap(ramSize: cluster.plan.ramSize) else {
      refuse("node 0 plans a guest of \(cluster.plan.ramSize) bytes")
    }
    return map
  }
  let free = Frames.freeBytes
  // Second-level tables of 4 KiB pages take 1/512 of what they map, and 1/512 of that for the levels above; a vCPU
  // takes three frames and its virtual TLB's, a core two.
  let perVCPU = 3 + (isShadowed ? vCPUs.shadowFrameCount : 0)
  let automatic =
    free / 512 + free / (512 * 512) + UInt64(perVCPU * vCPUs.count + 2 * node.coreCount) * pageSize + 1 << 20
  let reserve = node.options.reserve == 0 ? automatic : node.options.reserve
  let available = free > reserve ? free - reserve : 0
  if let wanted = node.options.guestMemory, wanted > available {
    refuse("guest.memory asks for \(wanted >> 20) MiB, but \(available >> 20) MiB are available")
  }
  guard let map = GuestMemoryMap(ramSize: node.options.guestMemory ?? available) else {
    refuse("too little memory for a guest: \(available >> 20) MiB are available")
  }
  return map
}

private func load<Host: Backend>(
  _ boot: BootInformation, _ map: GuestMemoryMap, _ vCPUs: VCPUPlaces, linuxTSC: TSCFrequency?,
  _ machine: UnsafeMutablePointer<VirtualMachine<Host>>
) {
  var ram = unsafe GuestRAM(machine.pointee.space) { page, isWrite in
    unsafe machine.pointee.acquireForLoader(page, isWrite ? .write : .read)
  }
  let kernel = boot.modules[0]
  let state: InitialState
  do {
    state = try GuestLoader.load(
      kernel: IdentityMemory.bytes(kernel.bytes), commandLine: IdentityMemory.bytes(kernel.string),
      modules: GuestModules(boot), map: map, linuxTSC: linuxTSC, into: &ram)
  } catch {
    if unsafe machine.pointee.ended != nil { unsafe report(machine) }
    if unsafe machine.pointee.isOutOfFrames {
      refuse("the guest's kernel does not fit into this node's memory next to the boot modules")
    }
    refuse(error.summary)
  }
  let distances = unsafe machine.pointee.withCluster { $0.distances }
  placeTables(vCPUs, map, distances, &ram)
  unsafe machine.pointee.processors[0].start(state, machine.pointee)
  log.info(
    "guest: \(map.ramSize >> 20) MiB, \(vCPUs.count) \(vCPUs.count == 1 ? "vCPU" : "vCPUs")\(vCPUs.layout == nil ? "" : " on all nodes")"
  )
}

/// The boot modules after the first: what the guest's kernel gets to see.
private struct GuestModules: BootModules {
  private let boot: BootInformation

  init(_ boot: BootInformation) { self.boot = boot }

  var count: Int { boot.modules.count - 1 }

  func withModule<Failure: Error>(
    _ index: Int, _ body: (_ bytes: Span<UInt8>, _ string: Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    let module = boot.modules[index + 1]
    try body(IdentityMemory.bytes(module.bytes), IdentityMemory.bytes(module.string))
  }
}

/// ACPI tables and the reset vector, where `GuestMemoryMap` has them.
private func placeTables<Format: PageTableFormat>(
  _ vCPUs: VCPUPlaces, _ map: GuestMemoryMap, _ distances: NodeDistances?, _ ram: inout GuestRAM<Format>
) {
  let description = vCPUs.description(map, distances)
  let tables: [UInt8]
  do {
    tables = try ACPITables.build(description)
  } catch {
    refuse("the guest's ACPI tables cannot be made for \(vCPUs.count) vCPUs and \(map.ramSize >> 20) MiB")
  }
  let resetCode = ResetVector.code
  do {
    for index in tables.indices { try ram.store(tables[index], at: ACPITables.address + UInt64(index)) }
    try ram.write(resetCode.span, to: ResetVector.address)
  } catch {
    refuse("no memory for the guest's ACPI tables")
  }
}

extension VCPUPlaces {
  /// What the guest's firmware tables say.
  ///
  /// - Parameter distances: of a cluster.
  fileprivate func description(_ map: GuestMemoryMap, _ distances: NodeDistances?) -> MachineDescription {
    let processors = (0..<count).map {
      MachineDescription.VCPU(apicID: apicID($0), proximityDomain: UInt32(domain($0)))
    }
    guard let layout, let distances else {
      var memory = [MachineDescription.MemoryRange(0..<map.extendedRange.upperBound, proximityDomain: 0)]
      if !map.highRange.isEmpty {
        memory.append(MachineDescription.MemoryRange(map.highRange, proximityDomain: 0))
      }
      return MachineDescription(vCPUs: processors, memory: memory, domainCount: 1, distances: [10])
    }
    var memory: [MachineDescription.MemoryRange] = []
    for index in 0..<layout.nodeCount {
      for range in layout.memoryRanges(of: index) {
        memory.append(MachineDescription.MemoryRange(range, proximityDomain: UInt32(index)))
      }
    }
    return MachineDescription(
      vCPUs: processors, memory: memory, domainCount: layout.nodeCount, distances: distances.relative,
      memoryAccess: distances.absolute)
  }
}

private func addRoute<Host: Backend>(
  _ index: Int, _ vCPUs: VCPUPlaces, _ machine: UnsafeMutablePointer<VirtualMachine<Host>>
) {
  guard unsafe machine.pointee.addRoute(vCPUs.localAPIC(index)) else { refuse("too many vCPUs: \(index)") }
}

private func makeProcessor<Host: Backend>(
  _ index: Int, _ vCPUs: VCPUPlaces, _ machine: UnsafeMutablePointer<VirtualMachine<Host>>
) {
  let apic = vCPUs.localAPIC(index)
  let slot = index - vCPUs.own.lowerBound
  let backend = unsafe machine.pointee.backend
  let cr4 = unsafe offeredCR4(machine.pointee.cpuidPolicy, machine.pointee.processor)
  do {
    let hardware = try backend.makeProcessor(
      index: slot, root: unsafe machine.pointee.space.pointee.root, cr4: cr4,
      xcr0: unsafe machine.pointee.cpuidPolicy.offeredXCR0, timeOffset: unsafe 0 &- machine.pointee.startTime,
      pagingEntries: { cr3 in
        var ram = unsafe machine.pointee.ram
        return try? GuestPageWalk.pageDirectoryPointers(
          cr3: cr3, processor: unsafe machine.pointee.walkProcessor, memory: &ram)
      },
      words: GuestWords(
        read: { address in
          var ram = unsafe machine.pointee.ram
          return try? ram.load(UInt16.self, at: GuestPhysicalAddress(address))
        },
        write: { address, word in
          var ram = unsafe machine.pointee.ram
          return (try? ram.store(word, at: GuestPhysicalAddress(address))) != nil
        }))
    let registers = unsafe ModelSpecificRegisters(
      policy: machine.pointee.cpuidPolicy, microcodeRevision: 0, architecturalCapabilities: 0)
    unsafe (machine.pointee.processors + slot).initialize(
      to: GuestProcessor(
        index: index, slot: slot, timeBase: machine.pointee.startTime, hardware: hardware, apic: apic,
        registers: registers,
        shadow: backend.isShadowed
          ? makeShadow(vCPUs.shadowFrameCount, machine.pointee.walkProcessor) : nil, offeredCR4: cr4))
  } catch {
    refuse("vCPU \(index) cannot be made: \(error.advice)")
  }
}

/// The virtual TLB of a vCPU without paging; its reset tells it what follows.
private func makeShadow(
  _ frameCount: Int, _ processor: GuestPageWalk.Processor
) -> UnsafeMutablePointer<VirtualTLB<ShadowFrames>> {
  let walk = GuestPageWalk(cr0: 0, cr3: 0, cr4: 0, efer: 0, processor: processor)
  let frames: ShadowFrames
  do {
    frames = try ShadowFrames.allocate(frameCount)
  } catch {
    refuse(
      "no \(frameCount) adjacent frames of memory are left below 4 GiB for a vCPU's shadow tables"
    )
  }
  let shadow = UnsafeMutablePointer<VirtualTLB<ShadowFrames>>.allocate(capacity: 1)
  do {
    unsafe shadow.initialize(to: try VirtualTLB(memory: frames, paging: walk))
  } catch {
    refuse("a vCPU's shadow tables cannot be where they are")
  }
  return unsafe shadow
}

/// The CR4 bits that go with what the guest's CPUID offers (SDM Vol. 3A, 2.5).
private func offeredCR4(_ policy: CPUIDPolicy, _ processor: GuestCPUID) -> UInt64 {
  let context = CPUIDContext(apicID: 0, coresInPackage: 1, isLocalAPICEnabled: true, cr4: 0, xcr0: 1)
  let basic = policy.registers(leaf: 1, subleaf: 0, host: processor, vCPU: context)
  let structured = policy.registers(leaf: 7, subleaf: 0, host: processor, vCPU: context)
  var bits = CR4.baseline
  if basic.ecx & 1 << 17 != 0 { bits |= CR4.pcid }
  if basic.ecx & 1 << 26 != 0 { bits |= CR4.xsave }
  if structured.ebx & 1 << 0 != 0 { bits |= CR4.fsgsbase }
  if structured.ebx & 1 << 7 != 0 { bits |= CR4.smep }
  if structured.ebx & 1 << 20 != 0 { bits |= CR4.smap }
  if structured.ecx & 1 << 2 != 0 { bits |= CR4.umip }
  if structured.ecx & 1 << 3 != 0 { bits |= CR4.protectionKeys }
  return bits
}
