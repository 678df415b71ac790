import Coherence
import Memory
import Node

extension MemoryFault {
  var summary: LogLine {
    switch self {
    case .coherence(let fault):
      "the coherence of page \(hex: fault.page.value) is broken"
    case .tooManyMessages: "more messages about pages are under way than there is room for"
    case .noFrame(let page): "page \(hex: page.value) is in no frame"
    }
  }
}
