import Machine
import Testing

private let tsc = TSCFrequency(hertz: 2_605_646_156)!

/// The word that tells Linux its TSC's rate.
@Suite struct KernelCommandLineTests {
  private static let segment = KernelImages.Segment(address: 0x10_0000, bytes: [0xF4], memorySize: 0x1000)

  /// What a bzImage finds for its command line.
  private func line(
    _ commandLine: String, linuxTSC: TSCFrequency? = tsc, limit: Int = 2047
  ) throws -> String {
    let image = KernelImages.bzImage(commandLineSize: limit)
    return try LoaderTrial(image, commandLine: commandLine, linuxTSC: linuxTSC).string(at: 0x9000)
  }

  @Test func itFollowsTheUsersWords() throws {
    #expect(try line("console=ttyS0 panic=-1") == "console=ttyS0 panic=-1 tsc_early_khz=2605646")
    #expect(try line("quiet ") == "quiet  tsc_early_khz=2605646")
    #expect(try line("") == "tsc_early_khz=2605646")
    #expect(try line("quiet", linuxTSC: nil) == "quiet")
  }

  @Test(
    arguments: [
      (10_000, "10"), (1_000_499, "1000"), (1_000_500, "1001"), (999_999_999, "1000000"),
      (1_000_000_000_000, "1000000000"),
    ] as [(UInt64, String)])
  func itsFigureIsRoundedToKilohertz(hertz: UInt64, kilohertz: String) throws {
    #expect(try line("a", linuxTSC: TSCFrequency(hertz: hertz)) == "a tsc_early_khz=\(kilohertz)")
  }

  @Test(arguments: [
    "tsc_early_khz=2000000", "quiet tsc_early_khz=1 root=/dev/vda", "a\ttsc-early-khz=1 b",
    "a \"tsc_early_khz=5\"",
  ])
  func theUsersOwnWordStandsAlone(commandLine: String) throws {
    #expect(try line(commandLine) == commandLine)
  }

  @Test(arguments: [
    "tsc=nowatchdog", "xtsc_early_khz=1", "tsc_early_khz", "note=\"a tsc_early_khz=1\"",
    "module.tsc_early_khz=1",
    "-", "---", "--x",
  ])
  func otherWordsAreNoneOfIt(commandLine: String) throws {
    #expect(try line(commandLine) == commandLine + " tsc_early_khz=2605646")
  }

  @Test func itStandsBeforeWhatIsNotForTheKernel() throws {
    #expect(try line("quiet -- tsc_early_khz=1") == "quiet tsc_early_khz=2605646 -- tsc_early_khz=1")
    #expect(try line("-- x") == "tsc_early_khz=2605646 -- x")
    #expect(try line("tsc_early_khz=1 -- y") == "tsc_early_khz=1 -- y")
    #expect(try line("quiet --") == "quiet tsc_early_khz=2605646 --")
    #expect(try line("a=\"b -- c\" d") == "a=\"b -- c\" d tsc_early_khz=2605646")
  }

  @Test func anOpenQuotationIsLeftAlone() throws {
    #expect(try line("a=\"b c") == "a=\"b c")
  }

  @Test func itIsLeftOffWhereTheKernelTakesNoLongerLine() throws {
    let word = " tsc_early_khz=2605646"
    #expect(try line("quiet", limit: 5 + word.utf8.count) == "quiet" + word)
    #expect(try line("quiet", limit: 5 + word.utf8.count - 1) == "quiet")
    #expect(try line("quiet", limit: 5) == "quiet")
    let long = String(repeating: "x", count: 0x6FFF)
    #expect(try line(long, limit: 1 << 20) == long)
    let fitting = String(repeating: "x", count: 0x6FFF - word.utf8.count)
    #expect(try line(fitting, limit: 1 << 20) == fitting + word)
  }

  @Test func aPVHKernelGetsItIfItIsLinux() throws {
    func line(_ commandLine: String, isLinux: Bool) throws -> String {
      let image = KernelImages.pvh(entry: 0x10_0000, isLinux: isLinux, [Self.segment])
      return try LoaderTrial(image, commandLine: commandLine, linuxTSC: tsc).string(at: 0x9000)
    }
    #expect(try line("quiet", isLinux: true) == "quiet tsc_early_khz=2605646")
    #expect(try line("quiet", isLinux: false) == "quiet")
    // Linux's own limit: it would cut the word off in the middle of the figure.
    let word = " tsc_early_khz=2605646"
    let fitting = String(repeating: "x", count: 2047 - word.utf8.count)
    #expect(try line(fitting, isLinux: true) == fitting + word)
    #expect(try line(fitting + "x", isLinux: true) == fitting + "x")
  }

  @Test func aMultibootKernelDoesNotGetIt() throws {
    let image = KernelImages.multibootELF(entry: 0x10_000C, [Self.segment])
    #expect(try LoaderTrial(image, commandLine: "quiet", linuxTSC: tsc).string(at: 0x9000) == "quiet")
  }
}
