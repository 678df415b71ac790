import Firmware
import Foundation
import Testing

@Suite struct KernelOptionsTests {
  private var allOptions: [KernelOption] {
    Array(
      sequence(state: UInt8(0)) { raw in
        defer { raw += 1 }
        return KernelOption(rawValue: raw)
      })
  }

  private func parse(_ line: String) -> KernelOptions { KernelOptions(Array(line.utf8).span) }

  private func problems(_ line: String) -> [(String, KernelOptions.Problem.Reason)] {
    parse(line).problems.array.map { problem in
      (String(decoding: Array(line.utf8)[problem.range], as: UTF8.self), problem.reason)
    }
  }

  @Test func everyOptionIsSet() {
    let options = parse(
      "log=debug console=mux guest.memory=3G guest.vcpus=4 reserve=64M net=auto nodes=3 node=2 cluster=7 cluster.heartbeat=50 cluster.suspect=200 cluster.failure=400 exit=qemu"
    )
    #expect(options.problems.isEmpty)
    #expect(options.log == .debug)
    #expect(options.console == .mux)
    #expect(options.guestMemory == 3 << 30)
    #expect(options.guestVCPUs == 4)
    #expect(options.reserve == 64 << 20)
    #expect(options.net == .auto)
    #expect((options.nodes, options.node, options.cluster) == (3, 2, 7))
    #expect((options.clusterHeartbeat, options.clusterSuspect, options.clusterFailure) == (50, 200, 400))
    #expect(options.exit == .qemu)
  }

  @Test func everyWordIsTheCaseOfItsName() {
    #expect(
      ["error", "warn", "info", "debug"].map { parse("log=\($0)").log } == [.error, .warn, .info, .debug])
    #expect(["plain", "mux"].map { parse("console=\($0)").console } == [.plain, .mux])
    #expect(["off", "auto"].map { parse("net=\($0)").net } == [.off, .auto])
    #expect(["halt", "bochs", "qemu"].map { parse("exit=\($0)").exit } == [.halt, .bochs, .qemu])
  }

  @Test func theTableTellsTheDefaults() {
    let line = allOptions.map(\.definition).filter { !["all", "any"].contains($0.fallback) }.map {
      "\($0.key)=\($0.fallback)"
    }
    let (options, defaults) = (parse(line.joined(separator: " ")), KernelOptions())
    #expect(options.problems.isEmpty)
    #expect(String(describing: options) == String(describing: defaults))
    #expect(allOptions.filter { $0.definition.fallback == "all" } == [.guestMemory, .guestVCPUs])
    #expect(allOptions.filter { $0.definition.fallback == "any" } == [.node])
    #expect(defaults.node == nil)
    #expect(defaults.guestMemory == nil && defaults.guestVCPUs == nil)
  }

  @Test(
    arguments: [
      ("2097152", 2 << 20), ("2048K", 2 << 20), ("2048k", 2 << 20), ("2M", 2 << 20), ("1g", 1 << 30),
      ("64T", 1 << 46),
    ] as [(String, UInt64)])
  func sizesMayHaveAUnit(text: String, bytes: UInt64) {
    #expect(parse("guest.memory=\(text)").guestMemory == bytes)
  }

  @Test func theLastWordOfAKeyWins() {
    #expect(parse("guest.vcpus=2 guest.vcpus=3").guestVCPUs == 3)
    #expect(parse("guest.vcpus=2 guest.vcpus=x").guestVCPUs == 2)
  }

  @Test func blanksOfAnyKindPartWords() {
    let options = parse("\t log=warn\r\n  guest.vcpus=2 ")
    #expect(options.problems.isEmpty)
    #expect(options.log == .warn)
    #expect(options.guestVCPUs == 2)
    #expect(parse("").problems.isEmpty)
    #expect(parse("   ").problems.isEmpty)
  }

  @Test func quotesAroundAValueAreNotPartOfIt() {
    #expect(parse("log=\"warn\" guest.vcpus=\"5\"").log == .warn)
    #expect(parse("log=\"warn\" guest.vcpus=\"5\"").guestVCPUs == 5)
    #expect(problems("log=\"warn info\" guest.vcpus=5").map(\.0) == ["log=\"warn info\""])
  }

  @Test(arguments: ["/boot/bigiron.elf", "(cd)/boot/bigiron.elf", "build/bigiron.elf", "(hd0)"])
  func thePathThatSomeLoadersPutFirstIsSkipped(path: String) {
    #expect(problems("\(path) log=warn").isEmpty)
    #expect(problems("log=warn \(path)").map(\.0) == [path])
    #expect(problems("\(path)=1").map(\.0) == ["\(path)=1"])
  }

  @Test(
    arguments: [
      ("verbose", .unknownKey), ("Log=info", .unknownKey), ("lo=info", .unknownKey),
      ("logs=info", .unknownKey),
      ("=info", .unknownKey), ("\"", .unterminatedQuote), ("log=\"info", .unterminatedQuote),
      ("log", .missingValue(.log)), ("guest.vcpus=", .missingValue(.guestVCPUs)),
      ("guest.vcpus=\"\"", .missingValue(.guestVCPUs)),
      ("log=inf", .malformedValue(.log)), ("log=infos", .malformedValue(.log)),
      ("log=|", .malformedValue(.log)),
      ("log=error|warn", .malformedValue(.log)), ("guest.vcpus=two", .malformedValue(.guestVCPUs)),
      ("guest.vcpus=-1", .malformedValue(.guestVCPUs)), ("guest.vcpus=2M", .malformedValue(.guestVCPUs)),
      ("reserve=M", .malformedValue(.reserve)), ("reserve=1MB", .malformedValue(.reserve)),
      ("guest.vcpus=0", .outOfRange(.guestVCPUs)), ("guest.vcpus=257", .outOfRange(.guestVCPUs)),
      ("guest.vcpus=18446744073709551617", .outOfRange(.guestVCPUs)),
      ("reserve=18014398509481985K", .outOfRange(.reserve)),
      ("reserve=65T", .outOfRange(.reserve)), ("guest.memory=2047K", .outOfRange(.guestMemory)),
    ] as [(String, KernelOptions.Problem.Reason)])
  func aWordThatSaysNothingSensibleIsReportedAndChangesNothing(
    word: String, reason: KernelOptions.Problem.Reason
  ) {
    let problems = problems("guest.vcpus=7  \(word)")
    #expect(problems.map(\.0) == [word])
    #expect(problems.map(\.1) == [reason])
    let options = parse("guest.vcpus=7 \(word)")
    #expect(options.guestVCPUs == 7)
    #expect(options.log == .info && options.reserve == 0 && options.guestMemory == nil)
  }

  @Test func problemsBeyondTheSixteenthAreCounted() {
    let options = parse(String(repeating: "x ", count: 20))
    #expect(options.problems.count == 16)
    #expect(options.unlistedProblemCount == 4)
  }

  @Test func aReasonSaysWhatTheValueMustBe() {
    func reason(_ line: String) -> String {
      var text: [UInt8] = []
      parse(line).problems.array[0].writeReason { text.append($0) }
      return String(decoding: text, as: UTF8.self)
    }
    #expect(reason("x=1") == "no such option")
    #expect(reason("x=\"1") == "a quote is not closed")
    #expect(reason("exit") == "no value: it must be halt|bochs|qemu")
    #expect(reason("guest.vcpus=x") == "the value must be N (1 to 256)")
    #expect(reason("guest.memory=1") == "out of range: the value must be SIZE (2M to 64T)")
    #expect(reason("reserve=x") == "the value must be SIZE (0 to 64T)")
  }

  @Test func keysAreUnique() {
    #expect(Set(allOptions.map(\.definition.key)).count == allOptions.count)
  }

  @Test func theDocumentationHoldsTheHelpText() throws {
    var help: [UInt8] = []
    KernelOption.writeHelp { help.append($0) }
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/command-line.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    #expect(text.contains("```\n" + String(decoding: help, as: UTF8.self) + "```\n"))
    for option in allOptions { #expect(text.contains("**`\(option.definition.key)`**")) }
  }

  @Test func randomBytesNeverTrap() {
    var generator = SeededGenerator(state: 4)
    let alphabet = Array("log=nodes.time \"|1098MGk/(\u{0}".utf8)
    for _ in 0..<20_000 {
      let line = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        Bool.random(using: &generator)
          ? alphabet.randomElement(using: &generator)! : UInt8.random(in: 0...255, using: &generator)
      }
      let options = KernelOptions(line.span)
      #expect(options.guestVCPUs == nil)
    }
  }
}
