extension LinkTable where Routines: ~Copyable {
  /// A page that the links need no more; nil where there is none. Its slot is free with that.
  public mutating func nextReleasedPage() -> ReleasedPage? {
    guard let id = releasing.first() else { return nil }
    let slot = slotIndex(id, links[id.index].firstSlot)
    guard let frame = slots[slot].pageFrame else { preconditionFailure("a slot without page waits") }
    links[id.index].firstSlot += 1
    freeSlots(id)
    return ReleasedPage(frame: frame, receiver: id, wasDelivered: slots[slot].wasDelivered)
  }

  /// Frees the oldest slots of a link that are done, up to one whose page has to be released first.
  mutating func freeSlots(_ id: NodeID) {
    releasing.remove(id)
    while links[id.index].firstSlot < links[id.index].acknowledgedSlot {
      if slots[slotIndex(id, links[id.index].firstSlot)].pageFrame != nil {
        releasing.insert(id)
        return
      }
      links[id.index].firstSlot += 1
    }
  }
}
