import Coherence
import Memory
import Wire

@testable import Simulator

extension ClusterNode {
  /// Takes a frame of a message. Returns the message if that was its last, and what is wrong with it, if anything is.
  func take(_ header: FrameHeader, _ bytes: [UInt8]) -> (message: CoherenceMessage?, problem: String?) {
    let sender = header.sender.index
    if !header.isContinuation {
      do throws(FrameError) {
        incoming[sender] = (sent.list[Int(try Ping(header, in: bytes.span).number)], [])
      } catch {
        return (nil, "not a message: \(error)")
      }
    }
    guard let (message, earlier) = incoming[sender] else { return (nil, "a continuation of nothing") }
    var lines = earlier
    if message.content != .none, !engine.expectsContents(message, from: header.sender) {
      return (nil, "contents that nobody expects: \(message)")
    }
    if case .lines(let part) = header.page {
      guard let frame = pages[Int(message.page.value)].frame else { return (nil, "no frame for \(message)") }
      for run in header.pageRuns {
        frames[frame].replaceSubrange(
          run.pageOffset..<run.pageOffset + run.byteCount,
          with: bytes[run.frameOffset..<run.frameOffset + run.byteCount])
      }
      lines.formUnion(part)
    }
    incoming[sender] = (message, lines)
    guard !header.isContinued else { return (nil, nil) }
    incoming[sender] = nil
    let content: PageContent =
      switch header.page {
      case .lines: .lines(lines)
      default: header.page
      }
    guard Self.isContent(message.content, content) else { return (nil, "\(content) for \(message)") }
    return (message, nil)
  }

  /// Whether what came of the page, all fragments together, is what the message says.
  private static func isContent(_ said: CoherenceMessage.Content, _ found: PageContent) -> Bool {
    switch (said, found) {
    case (.none, .none), (.zero, .zero), (.page, .lines(.all)), (.changes, .lines): true
    default: false
    }
  }
}
