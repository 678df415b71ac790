import Assembly
import Memory

/// Where the loader put this kernel.
enum KernelImage {
  static var range: Range<HostPhysicalAddress> {
    HostPhysicalAddress(__text_startAddress())..<HostPhysicalAddress(__rodata_endAddress())
  }
}
