/// What became of a compare-and-exchange in a guest page table.
public enum EntryExchange: Sendable {
  case done
  /// The entry was no longer what the walk had read; nothing was stored.
  case entryChanged
  /// The table's page may not be written on this node at the moment, or is no RAM; nothing was stored.
  case notWritable
}
