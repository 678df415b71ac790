extension GuestPageWalk {
  /// Whether walks in the same mode start from the same table and judge entries and accesses alike.
  func hasSameTerms(as other: Self) -> Bool {
    guard
      cr3 == other.cr3, isWriteProtected == other.isWriteProtected,
      hasPageSizeExtension == other.hasPageSizeExtension, hasGlobalPages == other.hasGlobalPages,
      hasExecuteDisable == other.hasExecuteDisable,
      preventsSupervisorExecution == other.preventsSupervisorExecution,
      preventsSupervisorAccess == other.preventsSupervisorAccess
    else { return false }
    for index in 0..<4 where pageDirectoryPointers[index] != other.pageDirectoryPointers[index] {
      return false
    }
    return true
  }
}
