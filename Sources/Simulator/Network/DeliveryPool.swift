/// Frames under way, each with what has become of it so far.
struct DeliveryPool {
  struct Delivery {
    var frame: [UInt8] = []
    /// The place in the pool of the next free one.
    var nextFree = -1
    /// What caused the frame, and when that was done.
    var parent = Causes.none
    var begin: UInt64 = 0
    var shares = Shares()
    /// What it is of a fault.
    var step: CriticalPaths.Step?
    /// When it came to the ring that it is in.
    var arrivedAt: UInt64 = 0
  }

  private var deliveries: [Delivery] = []
  private var firstFree = -1

  mutating func add(_ delivery: Delivery) -> Int {
    guard firstFree >= 0 else {
      deliveries.append(delivery)
      return deliveries.count - 1
    }
    let index = firstFree
    firstFree = deliveries[index].nextFree
    deliveries[index] = delivery
    return index
  }

  subscript(index: Int) -> Delivery {
    get { deliveries[index] }
    _modify { yield &deliveries[index] }
  }

  mutating func remove(_ index: Int) -> Delivery {
    let delivery = deliveries[index]
    deliveries[index] = Delivery(nextFree: firstFree)
    firstFree = index
    return delivery
  }
}
