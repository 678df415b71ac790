/// A list of at most `capacity` elements that lives inside its owner: no heap.
public struct BoundedList<let capacity: Int, Element> {
  @usableFromInline var storage: InlineArray<capacity, Element>

  public private(set) var count = 0

  /// An empty list; `filler` stands where no element does and is never seen.
  public init(filler: Element) {
    storage = InlineArray(repeating: filler)
  }

  public var indices: Range<Int> { 0..<count }
  public var isEmpty: Bool { count == 0 }
  public var isFull: Bool { count == capacity }

  /// The element at `index`, which must be one of `indices`.
  @inlinable
  public subscript(index: Int) -> Element {
    get {
      precondition(index < count)
      return storage[index]
    }
    set {
      precondition(index < count)
      storage[index] = newValue
    }
  }

  /// The elements, in order.
  public var span: Span<Element> {
    @_lifetime(borrow self) get { storage.span.extracting(first: count) }
  }

  /// Adds `element` at the end; false, with nothing changed, where the list is full.
  public mutating func append(_ element: Element) -> Bool {
    guard !isFull else { return false }
    storage[count] = element
    count += 1
    return true
  }
}

extension BoundedList: Sendable where Element: Sendable {}
