import Memory

extension BootInformation {
  /// Frames that can be used for something else once the modules have been read: those of usable memory that hold a module's
  /// bytes and nothing else that the boot loader has left, nor anything of `other`. One range for each of some modules, none of
  /// which overlap.
  public func moduleFrames(
    besides other: Range<HostPhysicalAddress>
  ) -> BoundedList<16, Range<HostPhysicalAddress>> {
    var found = BoundedList<16, Range<HostPhysicalAddress>>(filler: .nowhere)
    for index in modules.indices {
      guard let frames = modules[index].bytes.wholePages(below: MemoryMap.addressLimit),
        isUsable(frames), !frames.overlaps(other), !frames.overlaps(commandLine),
        !frames.overlaps(loaderName),
        !holdsMore(frames, than: index)
      else { continue }
      _ = found.append(frames)
    }
    return found
  }

  private func isUsable(_ frames: Range<HostPhysicalAddress>) -> Bool {
    for index in memoryMap.entries.indices where memoryMap.entries[index].kind == .usable {
      let range = memoryMap.entries[index].range
      if range.lowerBound <= frames.lowerBound, frames.upperBound <= range.upperBound { return true }
    }
    return false
  }

  /// Whether any module's string, or another module, has a part in the frames of module `index`.
  private func holdsMore(_ frames: Range<HostPhysicalAddress>, than index: Int) -> Bool {
    for other in modules.indices {
      if frames.overlaps(modules[other].string) { return true }
      if other != index, frames.overlaps(modules[other].bytes) { return true }
    }
    return false
  }
}
