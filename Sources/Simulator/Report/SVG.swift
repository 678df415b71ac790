/// A picture in the making: what is drawn first is below what is drawn later.
struct SVG {
  enum Anchor: String {
    case start, middle, end
  }

  private var elements: [String] = []
  private let width: Int
  private let height: Int

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Colours that all can tell apart.
  static func colour(_ index: Int) -> String {
    ["#0072b2", "#e69f00", "#cc79a7", "#009e73", "#8a8a8a"][index % 5]
  }

  static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    return "\(sign)\(tenths.magnitude / 10)" + (tenths % 10 == 0 ? "" : ".\(tenths.magnitude % 10)")
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.append(character)
      }
    }
  }

  mutating func line(_ from: (Double, Double), _ to: (Double, Double), colour: String = "#cccccc") {
    polyline([from, to], colour: colour, width: 1)
  }

  mutating func polyline(_ points: [(Double, Double)], colour: String, width: Int = 2) {
    let list = points.map { "\(Self.number($0.0)),\(Self.number($0.1))" }.joined(separator: " ")
    elements.append(
      "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(width)\" points=\"\(list)\"/>")
  }

  mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, colour: String) {
    elements.append(
      "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
        + "height=\"\(Self.number(height))\" fill=\"\(colour)\"/>")
  }

  mutating func dot(_ x: Double, _ y: Double, colour: String) {
    elements.append(
      "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"3\" fill=\"\(colour)\"/>")
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, _ anchor: Anchor = .middle, isTitle: Bool = false
  ) {
    let weight = isTitle ? " font-weight=\"bold\"" : ""
    elements.append(
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor.rawValue)\"\(weight)>"
        + Self.escaped(text) + "</text>")
  }

  var document: String {
    let head =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
      + "height=\"\(height)\" font-family=\"sans-serif\" font-size=\"12\">"
    let background = "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>"
    return ([head, background] + elements + ["</svg>", ""]).joined(separator: "\n")
  }
}
