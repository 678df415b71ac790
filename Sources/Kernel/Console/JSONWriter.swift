/// Writes JSON onto the console's report channel as it goes: no buffer, so no limit.
struct JSONWriter {
  private var needsComma = false

  mutating func open() { bracket("{") }
  mutating func close() { end("}") }

  mutating func openObject(_ name: StaticString) {
    key(name)
    put("{")
    needsComma = false
  }

  mutating func openList(_ name: StaticString) {
    key(name)
    put("[")
    needsComma = false
  }
  mutating func closeList() { end("]") }

  mutating func field(_ name: StaticString, _ value: UInt64) {
    key(name)
    var line = LogLine()
    line.append(decimal: value)
    put(line)
    needsComma = true
  }

  /// Of a list.
  mutating func element(_ value: UInt64) {
    if needsComma { put(",") }
    put("\(value)")
    needsComma = true
  }

  /// `value` has nothing that JSON would escape.
  mutating func field(_ name: StaticString, _ value: StaticString) {
    key(name)
    put("\"\(value)\"")
    needsComma = true
  }

  mutating func finish() { put("\n") }

  private mutating func bracket(_ text: StaticString) {
    if needsComma { put(",") }
    put("\(text)")
    needsComma = false
  }

  private mutating func end(_ text: StaticString) {
    put("\(text)")
    needsComma = true
  }

  private mutating func key(_ name: StaticString) {
    if needsComma { put(",") }
    put("\"\(name)\":")
  }

  private func put(_ line: LogLine) {
    node.consoleLock.withLock {
      for index in 0..<line.count { unsafe node.console.pointee.write(line[index], to: .report) }
    }
  }
}
