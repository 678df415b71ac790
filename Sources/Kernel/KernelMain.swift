import CPU

@c(kernelMain) public func kernelMain(_ magic: UInt32, _ information: UInt32) {
  for byte in "hello\n".utf8 { writePort8(0x3f8, byte) }
}
@c(coreMain) public func coreMain(_ core: UInt64) {}
@c(handleInterrupt) public func handleInterrupt(_ frame: UInt64) {}
