extension Workload {
  /// vCPUs in pairs: the first writes to the first lines of one page after another of a ring of eight, the second reads
  /// them. They do not wait for one another.
  func producerConsumer(_ step: Int, _ vcpu: Int, lineCount: Int) -> Access {
    let pair = vcpu / 2
    let ringSize = max(1, min(8, shape.pageCount / max(1, (shape.vcpuCount + 1) / 2)))
    let page = (pair * ringSize + step / lineCount % ringSize) % shape.pageCount
    return Access(page: UInt32(page), isWrite: vcpu % 2 == 0, line: UInt8(step % lineCount))
  }

  /// vCPUs in groups of four: each reads and writes a line of its own in the one page of the group.
  func falseSharing(_ step: Int, _ vcpu: Int) -> Access {
    Access(page: UInt32(vcpu / 4 % shape.pageCount), isWrite: step % 2 == 1, line: UInt8(vcpu % 4))
  }

  /// A lock is read and taken, the two pages that it guards are read and written, and the lock is given back; then it is
  /// another lock's turn. There are half as many locks as vCPUs.
  func migratoryLock(_ step: Int, _ vcpu: Int) -> Access {
    let lockCount = UInt64(max(1, min(shape.vcpuCount / 2, shape.pageCount / 3)))
    let lock = Int(SplitMix64.mix(UInt64(step / 7) << 20 | UInt64(vcpu)) % lockCount)
    let (page, isWrite) =
      switch step % 7 {
      case 0: (0, false)
      case 1: (0, true)
      case 2: (1, false)
      case 3: (1, true)
      case 4: (2, false)
      case 5: (2, true)
      default: (0, true)
      }
    return Access(page: UInt32((3 * lock + page) % shape.pageCount), isWrite: isWrite, line: UInt8(lock % 64))
  }

  /// Every vCPU sweeps over its part of the pages, from which it reads the neighbours on both sides and writes the one
  /// between: only the ends of a part are shared.
  func stencil(_ step: Int, _ vcpu: Int) -> Access {
    let count = max(1, shape.pageCount / shape.vcpuCount)
    let start = vcpu * count % shape.pageCount
    let centre = start + step / 3 % count
    let page =
      switch step % 3 {
      case 0: centre + shape.pageCount - 1
      case 1: centre + 1
      default: centre
      }
    return Access(page: UInt32(page % shape.pageCount), isWrite: step % 3 == 2, line: UInt8(step / 3 % 64))
  }
}
