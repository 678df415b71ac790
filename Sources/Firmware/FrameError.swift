import Memory

/// Why frames were not taken back; nothing has changed then.
public enum FrameError: Error, Equatable {
  /// The address is not a multiple of 4 KiB.
  case misaligned(HostPhysicalAddress)
  /// The frame here, or one of those that follow it in the same call, is none of the allocator's.
  case notManaged(HostPhysicalAddress)
  /// The frame at this address is free already.
  case alreadyFree(HostPhysicalAddress)
}
