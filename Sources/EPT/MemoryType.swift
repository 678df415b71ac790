/// How the processor caches a page, by its code in MTRRs, PAT and EPT entries (SDM Vol. 3A, 12.11).
public enum MemoryType: UInt8, Sendable {
  case uncacheable = 0
  case writeCombining = 1
  case writeThrough = 4
  case writeProtected = 5
  case writeBack = 6
}
