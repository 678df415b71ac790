import Machine

extension GuestLayoutError {
  var summary: LogLine {
    switch self {
    case .tooLittle(let node): "node \(node) has too little memory for a part of it"
    case .wantedTooMuch(let available):
      "guest.memory asks for more than the \(available >> 20) MiB that are available"
    case .wantedTooLittle: "guest.memory asks for less than a guest can have"
    }
  }
}
