/// Something for the service core of a node to do.
struct ServiceJob {
  enum Work {
    /// A frame of the pool has come.
    case frame(Int)
    /// A vCPU wants to access a page.
    case fault(vcpu: Int)
    case shotDown(page: Int)
    case release(page: Int)
    case expire(page: Int)
  }

  var work: Work
  /// What it follows from, when that was done, and how the time since was spent.
  var parent = Causes.none
  var begin: UInt64
  var shares = Shares()
  /// Since when the service core could do it.
  var postedAt: UInt64
}

/// First in, first out.
struct FIFO<Element> {
  private var elements: [Element] = []
  private var first = 0

  var count: Int { elements.count - first }
  var head: Element? { first < elements.count ? elements[first] : nil }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func removeFirst() -> Element {
    let element = elements[first]
    first += 1
    if first == elements.count {
      elements.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 256, first * 2 > elements.count {
      elements.removeSubrange(..<first)
      first = 0
    }
    return element
  }
}
