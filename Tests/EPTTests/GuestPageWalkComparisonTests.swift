import EPT
import Memory
import Support
import Testing

/// The walk against a second one that was written separately: table by table as the SDM describes each mode
/// (Vol. 3A, 4.3, 4.4.2, 4.5.4), over page tables whose every entry is random.
@Suite struct GuestPageWalkComparisonTests {
  /// Page tables without end: each 8 bytes of memory are random by address and seed, mostly with the flags
  /// that let a walk go on.
  private struct RandomTables: GuestMemory {
    var seed: UInt64
    var holes = false

    func word(at address: UInt64) -> UInt64 {
      var random = SeededGenerator(seed: seed ^ (address >> 3) &* 0x9E37_79B9)
      var word = random.next()
      let shape = random.next()
      // Both halves, for the modes with entries of 4 bytes.
      for half: UInt64 in [0, 32] {
        if shape >> half & 15 != 0 { word |= 1 << half }
        if shape >> half & 0x30 != 0 { word |= 6 << half }
        if shape >> half & 0x1C0 != 0 { word &= ~(0x3F_E000 << half) }
      }
      if shape & 0x3_0000 == 0 { word &= ~0x3FFF_E000 }
      if shape & 0x600 != 0 { word &= ~(0x7FF << 52) }
      if shape & 0x3800 != 0 { word &= ~(0xFFFF << 36) }
      if shape & 0xC000 != 0 { word &= ~(1 << 63) }
      return word
    }

    mutating func read(
      _ address: GuestPhysicalAddress, count: Int, into bytes: inout MutableSpan<UInt8>
    ) throws(GuestMemoryError) {
      if holes, word(at: address.value / 4096 * 8) % 8 == 0 { throw .hole(address) }
      for index in 0..<count {
        let address = address.value + UInt64(index)
        bytes[index] = UInt8(truncatingIfNeeded: word(at: address) >> (address % 8 * 8))
      }
    }

    mutating func write(_ bytes: Span<UInt8>, to address: GuestPhysicalAddress) throws(GuestMemoryError) {
      throw .hole(address)
    }

    mutating func clear(_ address: GuestPhysicalAddress, count: UInt64) throws(GuestMemoryError) {
      throw .hole(address)
    }
  }

  /// Everything that a walk can end in, in a form that compares.
  private enum Outcome: Equatable {
    case page(
      address: UInt64, size: UInt64, rights: [Bool], isGlobal: Bool, isDirty: Bool, updates: [[UInt64]])
    case fault(UInt32)
    case notCanonical
    case hole(UInt64)
  }

  private struct Registers {
    var cr0: UInt64
    var cr3: UInt64
    var cr4: UInt64
    var efer: UInt64
    var pointers: InlineArray<4, UInt64>
    var width: Int
    var hasGigabytePages: Bool
    var isAMD: Bool

    func bit(_ register: UInt64, _ number: Int) -> Bool { register >> UInt64(number) & 1 == 1 }
  }

  // MARK: The second walk

  private struct Step {
    var location: UInt64
    var entry: UInt64
    var mapsPage: Bool
  }

  private func reference(
    _ registers: Registers, _ linear: UInt64, _ access: GuestPageWalk.Access, _ memory: RandomTables
  ) -> Outcome {
    let paging = registers.bit(registers.cr0, 31)
    let pae = registers.bit(registers.cr4, 5)
    let long = registers.bit(registers.efer, 10)
    let nxe = registers.bit(registers.efer, 11) && pae
    let smep = registers.bit(registers.cr4, 20)
    let isWrite = access.kind == .write
    let isFetch = access.kind == .execute
    let isUser = access.privilege == .user

    if !paging {
      return .page(
        address: linear % 0x1_0000_0000, size: 4096, rights: [true, true, true], isGlobal: false,
        isDirty: true, updates: [])
    }
    func fault(present: Bool, reserved: Bool = false) -> Outcome {
      var code: UInt32 = 0
      if present { code += 1 }
      if isWrite { code += 2 }
      if isUser { code += 4 }
      if reserved { code += 8 }
      if isFetch, smep || nxe { code += 16 }
      return .fault(code)
    }
    func field(_ value: UInt64, _ high: Int, _ low: Int) -> UInt64 {
      (value >> UInt64(low)) % (1 << UInt64(high - low + 1))
    }
    func isHole(_ location: UInt64) -> Bool {
      memory.holes && memory.word(at: location / 4096 * 8) % 8 == 0
    }

    var steps: [Step] = []
    var address: UInt64
    var size: UInt64
    if !pae {
      let pdeLocation = field(registers.cr3, 31, 12) * 4096 + field(linear, 31, 22) * 4
      if isHole(pdeLocation) { return .hole(pdeLocation) }
      let pde = field(
        memory.word(at: pdeLocation), pdeLocation % 8 == 0 ? 31 : 63, pdeLocation % 8 == 0 ? 0 : 32)
      if !registers.bit(pde, 0) { return fault(present: false) }
      if registers.bit(pde, 7), registers.bit(registers.cr4, 4) {
        let m = min(40, registers.width)
        if field(pde, 21, m - 19) != 0 { return fault(present: true, reserved: true) }
        steps.append(Step(location: pdeLocation, entry: pde, mapsPage: true))
        size = 1024 * 4096
        address = field(pde, 20, 13) << 32 + field(pde, 31, 22) << 22 + field(linear, 21, 0)
      } else {
        steps.append(Step(location: pdeLocation, entry: pde, mapsPage: false))
        let pteLocation = field(pde, 31, 12) * 4096 + field(linear, 21, 12) * 4
        if isHole(pteLocation) { return .hole(pteLocation) }
        let pte = field(
          memory.word(at: pteLocation), pteLocation % 8 == 0 ? 31 : 63, pteLocation % 8 == 0 ? 0 : 32)
        if !registers.bit(pte, 0) { return fault(present: false) }
        steps.append(Step(location: pteLocation, entry: pte, mapsPage: true))
        size = 4096
        address = field(pte, 31, 12) * 4096 + field(linear, 11, 0)
      }
    } else {
      let top = registers.width - 1
      func isMalformed(_ entry: UInt64) -> Bool {
        let lastReserved = long ? 51 : 62
        if lastReserved > top, field(entry, lastReserved, top + 1) != 0 { return true }
        return registers.bit(entry, 63) && !nxe
      }
      var table: UInt64
      if long {
        if field(linear, 63, 47) != 0, field(linear, 63, 47) != 0x1_FFFF { return .notCanonical }
        let pml4eLocation = field(registers.cr3, top, 12) * 4096 + field(linear, 47, 39) * 8
        if isHole(pml4eLocation) { return .hole(pml4eLocation) }
        let pml4e = memory.word(at: pml4eLocation)
        if !registers.bit(pml4e, 0) { return fault(present: false) }
        if isMalformed(pml4e) || registers.bit(pml4e, 7) || registers.isAMD && registers.bit(pml4e, 8) {
          return fault(present: true, reserved: true)
        }
        steps.append(Step(location: pml4eLocation, entry: pml4e, mapsPage: false))
        table = field(pml4e, top, 12) * 4096
        let pdpteLocation = table + field(linear, 38, 30) * 8
        if isHole(pdpteLocation) { return .hole(pdpteLocation) }
        let pdpte = memory.word(at: pdpteLocation)
        if !registers.bit(pdpte, 0) { return fault(present: false) }
        let isHuge = registers.bit(pdpte, 7)
        if isMalformed(pdpte) || isHuge && (!registers.hasGigabytePages || field(pdpte, 29, 13) != 0) {
          return fault(present: true, reserved: true)
        }
        steps.append(Step(location: pdpteLocation, entry: pdpte, mapsPage: isHuge))
        table = field(pdpte, top, 12) * 4096
      } else {
        let pointer = registers.pointers[Int(field(linear, 31, 30))]
        if !registers.bit(pointer, 0) { return fault(present: false) }
        table = field(pointer, top, 12) * 4096
      }
      if let last = steps.last, last.mapsPage {
        size = 512 * 512 * 4096
        address = (top >= 30 ? field(last.entry, top, 30) << 30 : 0) + field(linear, 29, 0)
      } else {
        let pdeLocation = table + field(linear, 29, 21) * 8
        if isHole(pdeLocation) { return .hole(pdeLocation) }
        let pde = memory.word(at: pdeLocation)
        if !registers.bit(pde, 0) { return fault(present: false) }
        let isLarge = registers.bit(pde, 7)
        if isMalformed(pde) || isLarge && field(pde, 20, 13) != 0 {
          return fault(present: true, reserved: true)
        }
        steps.append(Step(location: pdeLocation, entry: pde, mapsPage: isLarge))
        if isLarge {
          size = 512 * 4096
          address = field(pde, top, 21) << 21 + field(linear, 20, 0)
        } else {
          let pteLocation = field(pde, top, 12) * 4096 + field(linear, 20, 12) * 8
          if isHole(pteLocation) { return .hole(pteLocation) }
          let pte = memory.word(at: pteLocation)
          if !registers.bit(pte, 0) { return fault(present: false) }
          if isMalformed(pte) { return fault(present: true, reserved: true) }
          steps.append(Step(location: pteLocation, entry: pte, mapsPage: true))
          size = 4096
          address = field(pte, top, 12) * 4096 + field(linear, 11, 0)
        }
      }
    }

    let isWritable = steps.allSatisfy { registers.bit($0.entry, 1) }
    let isUserPage = steps.allSatisfy { registers.bit($0.entry, 2) }
    let isExecutable = !nxe || !steps.contains { registers.bit($0.entry, 63) }
    if isUser {
      if !isUserPage || isWrite && !isWritable || isFetch && !isExecutable { return fault(present: true) }
    } else if isFetch {
      if !isExecutable || isUserPage && smep { return fault(present: true) }
    } else {
      if isUserPage, registers.bit(registers.cr4, 21), access.privilege != .supervisor(accessControl: true) {
        return fault(present: true)
      }
      if isWrite, !isWritable, registers.bit(registers.cr0, 16) { return fault(present: true) }
    }
    var updates: [[UInt64]] = []
    for step in steps {
      let setsDirty = step.mapsPage && isWrite
      if !registers.bit(step.entry, 5) || setsDirty && !registers.bit(step.entry, 6) {
        updates.append([step.location, step.entry, setsDirty ? 0x60 : 0x20, pae ? 8 : 4])
      }
    }
    let leaf = steps.last!.entry
    return .page(
      address: address, size: size, rights: [isWritable, isUserPage, isExecutable],
      isGlobal: registers.bit(leaf, 8) && registers.bit(registers.cr4, 7),
      isDirty: isWrite || registers.bit(leaf, 6), updates: updates)
  }

  // MARK: The walk under test

  private func walked(
    _ registers: Registers, _ linear: UInt64, _ access: GuestPageWalk.Access, _ memory: RandomTables
  ) -> Outcome {
    let walk = GuestPageWalk(
      cr0: registers.cr0, cr3: registers.cr3, cr4: registers.cr4, efer: registers.efer,
      processor: .init(
        physicalAddressWidth: UInt8(registers.width), hasGigabytePages: registers.hasGigabytePages,
        reservesGlobalBitOfPML4: registers.isAMD),
      pageDirectoryPointers: registers.pointers)
    var memory = memory
    do throws(GuestPageWalk.Failure) {
      let page = try walk.translate(GuestVirtualAddress(linear), for: access, memory: &memory)
      let updates = (0..<page.updates.count).map { page.updates[$0] }
      return .page(
        address: page.physicalAddress.value, size: page.size,
        rights: [.write, .user, .execute].map { page.permissions.contains($0) }, isGlobal: page.isGlobal,
        isDirty: page.isDirty, updates: updates.map { [$0.location.value, $0.entry, $0.bits, $0.width] })
    } catch {
      switch error {
      case .pageFault(let code): return .fault(code.rawValue)
      case .notCanonical: return .notCanonical
      case .memory(.hole(let address)): return .hole(address.value)
      }
    }
  }

  @Test func agreesWithASecondWalkOverRandomTables() {
    var random = SeededGenerator(seed: 3)
    var pages: [UInt64: Int] = [:]
    var faults: [UInt32: Int] = [:]
    for round in 0..<100_000 {
      let bits = random.next()
      func flag(_ number: UInt64) -> UInt64 { bits >> number & 1 }
      let mode = round % 4
      var registers = Registers(
        cr0: (mode == 0 && flag(0) == 0 ? 0 : 1 << 31) | flag(1) << 16 | 1,
        cr3: random.next(),
        cr4: (mode >= 2 ? 1 << 5 : 0) | flag(2) << 4 | flag(3) << 7 | flag(4) << 20 | flag(5) << 21,
        efer: (mode == 3 ? 0x500 : 0) | (bits >> 6 & 3 == 0 ? 0 : 0x800), pointers: .init(repeating: 0),
        width: [32, 36, 39, 40, 46, 48, 52][Int(bits >> 8 & 0xFF) % 7], hasGigabytePages: flag(16) == 1,
        isAMD: flag(17) == 1)
      for index in 0..<4 { registers.pointers[index] = random.next() | (flag(18) << 0) }
      var linear = random.next()
      if bits >> 20 & 7 != 0 { linear = UInt64(bitPattern: Int64(bitPattern: linear) >> 17) }
      let privileges: [GuestPageWalk.Access.Privilege] = [
        .user, .supervisor(accessControl: false), .supervisor(accessControl: true), .implicitSupervisor,
      ]
      let kinds: [GuestPageWalk.Access.Kind] = [.read, .write, .execute]
      let access = GuestPageWalk.Access(kinds[Int(bits >> 24 & 0xFF) % 3], privileges[Int(bits >> 32 & 3)])
      let memory = RandomTables(seed: random.next(), holes: bits >> 34 & 15 == 0)

      let expected = reference(registers, linear, access, memory)
      let result = walked(registers, linear, access, memory)
      if result != expected {
        Issue.record("\(result), but \(expected): \(registers), \(String(linear, radix: 16)), \(access)")
        return
      }
      switch result {
      case .page(_, let size, _, _, _, _): pages[size, default: 0] += 1
      case .fault(let code): faults[code, default: 0] += 1
      case .notCanonical, .hole: break
      }
    }
    // The tables must lead everywhere for agreement to mean something: pages of every size, every error code.
    #expect([1 << 12, 1 << 21, 1 << 22, 1 << 30].allSatisfy { pages[$0, default: 0] > 200 }, "\(pages)")
    let codes: [UInt32] = [0, 1, 2, 3, 4, 5, 6, 7, 8 + 1, 8 + 3, 8 + 5, 8 + 7, 16, 17, 20, 21, 25, 29]
    #expect(codes.allSatisfy { faults[$0, default: 0] > 20 }, "\(faults)")
  }
}
