import Machine

/// Modules for host tests, with their strings.
struct ArrayModules: BootModules {
  var modules: [(bytes: [UInt8], string: String)] = []

  var count: Int { modules.count }

  func withModule<Failure: Error>(
    _ index: Int, _ body: (_ bytes: Span<UInt8>, _ string: Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    let bytes = modules[index].bytes
    let string = Array(modules[index].string.utf8)
    try body(bytes.span, string.span)
  }
}
