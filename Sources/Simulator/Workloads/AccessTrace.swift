/// A recorded workload: a line for each access, `vcpu r|w page`, in the order in which each vCPU makes them.
///
/// Lines that are empty or begin with `#` do not count.
struct AccessTrace: Sendable {
  struct Problem: Error, Equatable {
    var line: Int
    var text: String
  }

  private var accesses: [[Access]]

  /// - Parameter pageCount: pages beyond it are an error, as are vCPUs from `vcpuCount` on.
  init(_ text: String, vcpuCount: Int, pageCount: Int) throws(Problem) {
    accesses = [[Access]](repeating: [], count: vcpuCount)
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      guard let first = line.first, first != "#" else { continue }
      let fields = line.split(separator: " ")
      guard fields.count == 3, let vcpu = Int(fields[0]), fields[1] == "r" || fields[1] == "w",
        let page = Int(fields[2])
      else { throw Problem(line: number, text: "is not of the form `vcpu r|w page`") }
      guard (0..<vcpuCount).contains(vcpu) else { throw Problem(line: number, text: "there is no such vCPU") }
      guard (0..<pageCount).contains(page) else { throw Problem(line: number, text: "there is no such page") }
      // The trace does not say where in the page: each access goes one line further.
      let step = UInt8(accesses[vcpu].count % 64)
      accesses[vcpu].append(Access(page: UInt32(page), isWrite: fields[1] == "w", line: step))
    }
  }

  func accessCount(_ vcpu: Int) -> Int { accesses[vcpu].count }

  func access(_ step: Int, _ vcpu: Int) -> Access { accesses[vcpu][step] }

  static func line(_ vcpu: Int, _ access: Access) -> String {
    "\(vcpu) \(access.isWrite ? "w" : "r") \(access.page)"
  }
}
