extension Workload {
  /// Each vCPU has pages of its own, of which its node is home, as a guest that knows its NUMA nodes allocates them.
  func privatePage(_ step: Int, _ vcpu: Int, _ random: inout SplitMix64) -> Access {
    let node = shape.node(vcpu)
    let first = shape.firstPage(node)
    let count = max(1, (shape.firstPage(node + 1) - first) / shape.vcpusPerNode)
    let start = first + vcpu / shape.nodeCount * count
    let page = (start + random.below(count)) % shape.pageCount
    return Access(page: UInt32(page), isWrite: step % 2 == 0, line: UInt8(random.below(64)))
  }

  /// Pages that all read, the first sixteenth of them most often, and that the first vCPU writes to now and then.
  func pageTable(_ step: Int, _ vcpu: Int, _ random: inout SplitMix64) -> Access {
    let top = max(1, shape.pageCount / 16)
    let page = random.below(4) == 0 ? random.below(shape.pageCount) : random.below(top)
    return Access(page: UInt32(page), isWrite: vcpu == 0 && step % 50 == 49, line: UInt8(random.below(64)))
  }
}
