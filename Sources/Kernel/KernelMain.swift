import CPU
import Firmware
import Memory
import Synchronization

// Boot, as a table of contents. The boot core does all of it alone; the others join at the end.

/// Where the boot core arrives from Boot/entry.asm, on the boot-time page tables.
@c(kernelMain)
public func kernelMain(_ magic: UInt32, _ information: UInt32) {
  Node.start()
  let boot = readBootInformation(magic, HostPhysicalAddress(UInt64(information)))
  readOptions(boot)
  log.info(
    "Big Iron \(Version.text): \(boot.memoryMap.usableByteCount >> 20) MiB of RAM, loaded by \(text: IdentityMemory.bytes(boot.loaderName))"
  )
  reportProblems(boot)

  requireProcessorFeatures()
  let firmware = readFirmware(boot)
  takeOverMemory(boot)
  let interrupts = InterruptTable()
  startBootCore(interrupts)
  let source = node.clock.calibrate(pmTimer: firmware.pmTimer)
  log.info("TSC: \(node.clock.frequency / 1000) kHz by \(source.name)")
  startAPIC()
  maskIOAPICs(firmware.madt)
  startNetwork(firmware.madt)
  startCores(firmware.madt, interrupts)

  if node.options.nodes > 1 { runCluster(boot) } else { startGuest(boot) }
  unsafe node.console.pointee.isSynchronous = false
  Cores.release()
  runCore()
}

private func readBootInformation(_ magic: UInt32, _ address: HostPhysicalAddress) -> BootInformation {
  do {
    return try BootInformation(magic: magic, address: address, memory: IdentityMemory())
  } catch {
    switch error {
    case .unknownMagic(let magic):
      refuse("loaded by something that speaks neither Multiboot 1 nor 2 (EAX was \(hex: magic))")
    default: refuse("the boot loader's information is unusable")
    }
  }
}

private func readOptions(_ boot: BootInformation) {
  node.options = KernelOptions(IdentityMemory.bytes(boot.commandLine))
  unsafe node.console.pointee.isMultiplexed = node.options.console == .mux
}

/// Says what was ignored, each with its reason.
private func reportProblems(_ boot: BootInformation) {
  let commandLine = IdentityMemory.bytes(boot.commandLine)
  for index in node.options.problems.indices {
    let problem = node.options.problems[index]
    var line: LogLine = "option ignored: \(text: commandLine.extracting(problem.range)): "
    problem.writeReason { line.append(byte: $0) }
    log.warning(line)
  }
  if node.options.unlistedProblemCount > 0 {
    log.warning("\(node.options.unlistedProblemCount) more options ignored")
  }
  if boot.ignoredCount > 0 {
    log.warning("\(boot.ignoredCount) malformed parts of the boot loader's information ignored")
  }
}

/// What our own code, or the guest state that it keeps in a core, relies on.
private func requireProcessorFeatures() {
  guard cpuid(1, 0).ecx & 1 << 26 != 0 else {
    refuse("this CPU has no XSAVE; one from Sandy Bridge (2011) or Bulldozer (2011) on is needed")
  }
}

/// What of the firmware's tables the kernel goes by.
private struct FirmwareFacts {
  var madt: MADT?
  var pmTimer: FADT.PMTimer?
}

private func readFirmware(_ boot: BootInformation) -> FirmwareFacts {
  var facts = FirmwareFacts()
  do {
    let tables = try FirmwareTables(rootPointer: boot.rootPointer, memory: IdentityMemory())
    facts.madt = try MADT(tables)
    facts.pmTimer = try FADT(tables).pmTimer
  } catch {
    log.warning("the firmware's ACPI tables are incomplete: \(error.summary)")
  }
  return facts
}

/// From here on memory is ours: frames, heap, page tables.
private func takeOverMemory(_ boot: BootInformation) {
  var reserved = BoundedList<64, Range<HostPhysicalAddress>>(
    filler: HostPhysicalAddress(0)..<HostPhysicalAddress(0))
  _ = reserved.append(KernelImage.range)
  _ = reserved.append(boot.commandLine)
  _ = reserved.append(boot.loaderName)
  for index in boot.modules.indices {
    _ = reserved.append(boot.modules[index].bytes)
    _ = reserved.append(boot.modules[index].string)
  }
  do {
    try Frames.start(boot.memoryMap, reserved: reserved.span)
  } catch {
    refuse("no room in memory for the table of its frames")
  }
  log.debug("\(Frames.freeBytes >> 10) of \(Frames.totalBytes >> 10) KiB of frames free")
  do {
    try KernelPageTables.install(boot.memoryMap)
  } catch {
    refuse("the kernel's own page tables cannot be made: \(error.summary)")
  }
}

private func startBootCore(_ interrupts: InterruptTable) {
  do {
    let core = unsafe try Cores.prepare(index: 0, apicID: 0)
    unsafe Core.become(core)
    unsafe core.pointee.tables.load(interrupts: interrupts)
    unsafe core.pointee.isOnline.store(true, ordering: .releasing)
  } catch {
    refuse("no room in memory for a core's stacks")
  }
  enableProcessorFeatures()
}

private func startAPIC() {
  LegacyPIC.disable()
  do {
    try node.apic.start()
  } catch {
    refuse("the local APIC's registers cannot be mapped")
  }
  unsafe Core.current.pointee.apicID = node.apic.id
}

private func maskIOAPICs(_ madt: MADT?) {
  guard let madt else { return }
  for index in madt.ioAPICs.indices {
    do {
      try HostIOAPIC.maskAll(madt.ioAPICs[index])
    } catch {
      refuse("the registers of an I/O APIC cannot be mapped: \(error.summary)")
    }
  }
}

private func startCores(_ madt: MADT?, _ interrupts: InterruptTable) {
  if let madt {
    do {
      node.coreCount = try Cores.startOthers(madt, interrupts: interrupts)
    } catch {
      log.warning("no room in memory to start all cores")
    }
  }
  log.info("\(node.coreCount) \(node.coreCount == 1 ? "core" : "cores"), \(node.apic.modeName)")
}

/// Ends with a reason that the user can do something about.
func refuse(_ reason: LogLine) -> Never {
  log.error(reason)
  EndOfRun.refused.leave()
}
