import Glibc

extension Main {
  /// The status: 0 where nothing is wrong, 1 where something is, 2 where the options are.
  static func soak(_ arguments: [String]) -> Int32 {
    do {
      let soak = try Soak(arguments)
      return soak.run() ? 0 : 1
    } catch {
      print(error.text)
      return 2
    }
  }
}
