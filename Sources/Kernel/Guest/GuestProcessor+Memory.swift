import Coherence
import EPT
import Machine
import Memory
import Node
import VCPU

// Accesses that we make for an instruction of the guest: fetching it, and carrying out those that touch a device.

/// Why an instruction of the guest cannot be carried out by us.
enum EmulationFailure: Error {
  /// The guest gets this exception instead.
  case exception(UInt8, errorCode: UInt32?, address: UInt64)
  /// The guest has to execute the instruction again.
  case retry
  /// Nothing that the guest's manual allows for: the machine stops, with the reason.
  case unsupported(LogLine)
}

extension GuestProcessor {
  /// How the guest's code is decoded now (SDM Vol. 3A, 5.2.1).
  var codeSize: CodeSize {
    let code = hardware[.cs]
    if hardware.efer & EFER.longModeActive != 0 && code.isLong { return .bits64 }
    return code.isDefault32 && hardware.cr0 & CR0.protectionEnable != 0 ? .bits32 : .bits16
  }

  /// The instruction that made the exit.
  mutating func decodeInstruction(_ vm: borrowing VirtualMachine<Host>) throws(EmulationFailure)
    -> Instruction
  {
    let codeSize = codeSize
    let bytes = try fetchInstruction(codeSize, vm)
    do {
      return try Instruction(bytes, codeSize: codeSize)
    } catch {
      throw .unsupported(Self.describe(bytes))
    }
  }

  @inline(never)
  private static func describe(_ bytes: InstructionBytes) -> LogLine {
    var line: LogLine = "instruction that cannot be emulated:"
    for index in 0..<bytes.count {
      line.append(" ")
      line.append(hex: UInt64(bytes[index] ?? 0), digits: 2)
    }
    return line
  }

  /// The bytes at the instruction pointer.
  @inline(__always)
  mutating func fetchInstruction(
    _ codeSize: CodeSize, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> InstructionBytes {
    let base = codeSize == .bits64 ? 0 : hardware[.cs].base
    let mask: UInt64 = codeSize == .bits64 ? .max : 0xFFFF_FFFF
    let start = (base &+ hardware.instructionPointer) & mask
    var bytes = InlineArray<15, UInt8>(repeating: 0)
    var count = 0
    while count < InstructionBytes.capacity {
      let address = (start &+ UInt64(count)) & mask
      let inPage = Int(min(pageSize - address & (pageSize - 1), UInt64(InstructionBytes.capacity - count)))
      // The next page may hold no code at all; decoding says whether it was needed.
      let place: GuestPhysicalAddress
      do {
        place = try translate(GuestVirtualAddress(address), .execute, vm)
      } catch {
        // Another vCPU has unmapped the code since: the guest's fault.
        if count == 0 { throw error }
        break
      }
      guard fetch(place, inPage, into: &bytes, at: count, vm) else { break }
      count += inPage
    }
    return InstructionBytes(bytes, count: count)
  }

  private mutating func fetch(
    _ place: GuestPhysicalAddress, _ count: Int, into bytes: inout InlineArray<15, UInt8>, at offset: Int,
    _ vm: borrowing VirtualMachine<Host>
  ) -> Bool {
    let piece: InlineArray<15, UInt8>
    do {
      piece = try accessing(.read, vm) { (ram) throws(GuestMemoryError) in
        var piece = InlineArray<15, UInt8>(repeating: 0)
        var span = piece.mutableSpan
        try ram.read(place, count: count, into: &span)
        return piece
      }
    } catch {
      return false
    }
    for index in 0..<count { bytes[offset + index] = piece[index] }
    return true
  }

  /// How the guest has set up translation now.
  private mutating func pageWalk(
    _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> GuestPageWalk {
    if let shadow = unsafe shadow { return unsafe shadow.pointee.paging }
    let controls = controls
    var pointers = InlineArray<4, UInt64>(repeating: 0)
    if controls.hasPageDirectoryPointers {
      if let kept = hardware.pageDirectoryPointers {
        pointers = kept
      } else {
        guard let read = readPageDirectoryPointers(cr3: controls.cr3, vm) else {
          throw .unsupported("page-directory pointers that cannot be read")
        }
        pointers = read
      }
    }
    return pageWalk(controls, pointers, vm)
  }

  /// Where the guest's page tables lead; what they forbid becomes the guest's page fault.
  mutating func translate(
    _ address: GuestVirtualAddress, _ kind: GuestPageWalk.Access.Kind, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> GuestPhysicalAddress {
    let privilege: GuestPageWalk.Access.Privilege =
      hardware.privilegeLevel == 3
      ? .user : .supervisor(accessControl: hardware.flags & RFLAGS.alignmentCheck != 0)
    let walk = try pageWalk(vm)
    let translation = try translate(address, for: GuestPageWalk.Access(kind, privilege), by: walk, vm)
    for index in 0..<translation.updates.count {
      let update = translation.updates[index]
      var ram = vm.ram
      var exchange = ram.exchange(update)
      while exchange == .notWritable, vm.mustAcquire(update.location) {
        acquire(update.location.page, .write, vm)
        exchange = ram.exchange(update)
      }
      // An entry that has changed, or that may not be written just now: the guest makes its access again.
      guard exchange == .done else { throw .retry }
    }
    return translation.physicalAddress
  }

  private mutating func translate(
    _ address: GuestVirtualAddress, for access: GuestPageWalk.Access, by walk: GuestPageWalk,
    _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> GuestPageWalk.Translation {
    while true {
      var ram = vm.ram
      do {
        return try walk.translate(address, for: access, memory: &ram)
      } catch {
        switch error {
        case .pageFault(let code):
          throw .exception(ExceptionVector.pageFault, errorCode: code.rawValue, address: address.value)
        case .notCanonical:
          throw .exception(ExceptionVector.generalProtection, errorCode: 0, address: 0)
        case .memory(.hole(let table)):
          guard vm.ended == nil else { throw .retry }
          guard vm.mustAcquire(table) else { throw .unsupported("page table outside RAM") }
          acquire(table.page, .read, vm)
        }
      }
    }
  }

  /// Where an operand of `width` bytes stands in guest-physical memory. One that straddles two pages may stand in
  /// two places, and no device or string instruction that is emulated here has a use for that.
  mutating func place(
    _ operand: MemoryOperand, width: UInt8, length: Int, _ kind: GuestPageWalk.Access.Kind,
    _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> GuestPhysicalAddress {
    let linear = linearAddress(of: operand, length: length)
    guard linear.value & (pageSize - 1) <= pageSize - UInt64(width) else {
      throw .unsupported(
        "an access to device memory or by a string port instruction that straddles two pages")
    }
    return try translate(linear, kind, vm)
  }

  /// The linear address of an operand of an instruction of `length` bytes.
  func linearAddress(of operand: MemoryOperand, length: Int) -> GuestVirtualAddress {
    operand.linearAddress(
      hardware, nextInstruction: hardware.instructionPointer &+ UInt64(length),
      segmentBase: hardware[operand.segment].base, codeSize: codeSize)
  }

  @inline(never)
  mutating func skipDecodedInstruction(_ vm: borrowing VirtualMachine<Host>) {
    do {
      hardware.skipInstruction(length: try decodeInstruction(vm).length)
    } catch {
      // What another vCPU has put into a user's code since the exit is for the processor to judge.
      if case .unsupported = error, hardware.privilegeLevel == 3 { return }
      settle(error, vm)
    }
  }

  // MARK: Device memory

  /// Carries out the instruction that touched something other than RAM.
  mutating func emulateMemoryAccess(
    to exitPage: PageNumber, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) {
    guard case .memory(let instruction) = try decodeInstruction(vm) else {
      throw .unsupported("an instruction of this kind on device memory")
    }
    guard !hardware.isDeliveringEvent else {
      throw .unsupported("event delivery through memory that is no RAM")
    }
    var source: GuestPhysicalAddress?
    var destination: GuestPhysicalAddress?
    if let operand = instruction.source {
      source = try place(operand, width: instruction.width, length: instruction.length, .read, vm)
    }
    if let operand = instruction.destination {
      destination = try place(operand, width: instruction.width, length: instruction.length, .write, vm)
    }
    // Translations may have changed since the exit; then the access is simply made again.
    guard source?.page == exitPage || destination?.page == exitPage else { return }
    var value: UInt64 = 0
    if let source { value = try read(source, width: instruction.width, vm) }
    var flags = hardware.flags
    let outcome = instruction.execute(read: value, registers: &hardware, flags: &flags)
    hardware.flags = flags
    if let destination, let written = outcome.written {
      try write(written, to: destination, width: instruction.width, vm)
    }
    if outcome.isComplete { hardware.skipInstruction(length: instruction.length) }
  }

  mutating func read(
    _ address: GuestPhysicalAddress, width: UInt8, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) -> UInt64 {
    if vm.isRAM(address) {
      do {
        return try accessing(.read, vm) { (ram) throws(GuestMemoryError) in
          switch width {
          case 1: UInt64(try ram.load(UInt8.self, at: address))
          case 2: UInt64(try ram.load(UInt16.self, at: address))
          case 4: UInt64(try ram.load(UInt32.self, at: address))
          default: try ram.load(UInt64.self, at: address)
          }
        }
      } catch {
        guard vm.ended == nil else { throw .retry }
        throw .unsupported("an access across the end of RAM at \(address)")
      }
    }
    let offset = UInt32(truncatingIfNeeded: address.value & 0xFFC)
    let shift = (address.value & 3) * 8
    switch address.page {
    case GuestMemoryMap.localAPIC.page where apic.mode == .xAPIC:
      counters.mmio &+= 1
      return UInt64(apic.readRegister(offset: offset, now: vm.now)) >> shift
    case GuestMemoryMap.ioAPIC.page:
      counters.mmio &+= 1
      let read = DeviceAccess(
        space: .ioAPIC, isWrite: false, width: 4, address: UInt16(offset), value: 0)
      return UInt64(access(read, vm)) >> shift
    default:
      counters.hole &+= 1
      return .max
    }
  }

  mutating func write(
    _ value: UInt64, to address: GuestPhysicalAddress, width: UInt8, _ vm: borrowing VirtualMachine<Host>
  ) throws(EmulationFailure) {
    if vm.isRAM(address) {
      do {
        return try accessing(.write, vm) { (ram) throws(GuestMemoryError) in
          switch width {
          case 1: try ram.store(UInt8(truncatingIfNeeded: value), at: address)
          case 2: try ram.store(UInt16(truncatingIfNeeded: value), at: address)
          case 4: try ram.store(UInt32(truncatingIfNeeded: value), at: address)
          default: try ram.store(value, at: address)
          }
        }
      } catch {
        guard vm.ended == nil else { throw .retry }
        throw .unsupported("an access across the end of RAM at \(address)")
      }
    }
    let offset = UInt32(truncatingIfNeeded: address.value & 0xFFF)
    let word = UInt32(truncatingIfNeeded: value)
    switch address.page {
    case GuestMemoryMap.localAPIC.page where apic.mode == .xAPIC:
      counters.mmio &+= 1
      perform(apic.writeRegister(offset: offset, word, now: vm.now), vm)
    case GuestMemoryMap.ioAPIC.page:
      counters.mmio &+= 1
      let write = DeviceAccess(
        space: .ioAPIC, isWrite: true, width: 4, address: UInt16(offset), value: word)
      _ = access(write, vm)
    default: counters.hole &+= 1
    }
  }

  // MARK: String port I/O

  /// One element of INS or OUTS; a repeated one comes back for the next.
  mutating func emulateStringAccess(_ vm: borrowing VirtualMachine<Host>) throws(EmulationFailure) {
    guard case .port(let instruction) = try decodeInstruction(vm), let memory = instruction.memory,
      let width = Platform.PortWidth(rawValue: UInt16(instruction.width))
    else { throw .unsupported("a string port instruction of this kind") }
    guard !instruction.isIdle(hardware) else { return hardware.skipInstruction(length: instruction.length) }
    let address = try place(
      memory, width: instruction.width, length: instruction.length, instruction.isInput ? .write : .read, vm)
    let port = UInt16(truncatingIfNeeded: hardware[.rdx])
    if instruction.isInput {
      let value = access(.reading(port, width), vm)
      try write(UInt64(value), to: address, width: instruction.width, vm)
    } else {
      let value = UInt32(truncatingIfNeeded: try read(address, width: instruction.width, vm))
      _ = access(.writing(value, to: port, width), vm)
    }
    if instruction.advance(&hardware, flags: hardware.flags) {
      hardware.skipInstruction(length: instruction.length)
    }
  }

  /// Gives the guest the exception that emulation ran into, or stops the machine.
  mutating func settle(_ failure: EmulationFailure, _ vm: borrowing VirtualMachine<Host>) {
    switch failure {
    case .exception(let vector, let errorCode, let address):
      if vector == ExceptionVector.pageFault {
        hardware.cr2 = address
        // A page fault that the guest gets to see drops what was cached of the page (SDM Vol. 3A, 4.10.4.1).
        if unsafe shadow != nil { dropShadow(of: GuestVirtualAddress(address)) }
      }
      raise(vector, errorCode: errorCode)
    case .retry: break
    case .unsupported(let reason): fail(reason, vm)
    }
  }
}
