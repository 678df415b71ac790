/// Curves, or groups of bars, in a frame with two axes and a legend.
struct Plot {
  struct Series {
    var name: String
    var points: [(x: Double, y: Double)]
  }

  var title: String
  var xLabel: String
  var yLabel: String
  var series: [Series]

  private static let width = 640.0
  private static let height = 400.0
  private static let left = 70.0
  private static let right = 600.0
  private static let top = 50.0
  private static let bottom = 340.0

  private static func x(_ place: Double) -> Double { left + place * (right - left) }
  private static func y(_ place: Double) -> Double { bottom - place * (bottom - top) }

  /// One curve for each series, with a dot for each point if `hasDots`.
  func curves(_ horizontal: Axis, _ vertical: Axis, hasDots: Bool) -> String {
    var picture = frame(vertical)
    for tick in horizontal.ticks {
      let x = Self.x(horizontal.place(tick))
      picture.line((x, Self.top), (x, Self.bottom))
      picture.text(SVG.number(tick), x, Self.bottom + 18)
    }
    for (index, series) in series.enumerated() {
      let points = series.points.map { (Self.x(horizontal.place($0.x)), Self.y(vertical.place($0.y))) }
      picture.polyline(points, colour: SVG.colour(index))
      if hasDots { for (x, y) in points { picture.dot(x, y, colour: SVG.colour(index)) } }
    }
    return finish(&picture)
  }

  /// For each name a group that has a bar of every series, whose points' x is the number of the group.
  func bars(_ groups: [String], _ vertical: Axis) -> String {
    var picture = frame(vertical)
    let groupWidth = (Self.right - Self.left) / Double(max(1, groups.count))
    let barWidth = groupWidth * 0.8 / Double(max(1, series.count))
    for (index, name) in groups.enumerated() {
      picture.text(name, Self.left + (Double(index) + 0.5) * groupWidth, Self.bottom + 18)
    }
    for (index, series) in series.enumerated() {
      for point in series.points {
        let x = Self.left + (point.x + 0.1) * groupWidth + Double(index) * barWidth
        let y = Self.y(vertical.place(point.y))
        picture.rectangle(x, y, barWidth * 0.9, Self.bottom - y, colour: SVG.colour(index))
        picture.text(SVG.number(point.y), x + barWidth * 0.45, y - 4)
      }
    }
    return finish(&picture)
  }

  private func frame(_ vertical: Axis) -> SVG {
    var picture = SVG(width: Int(Self.width), height: Int(Self.height))
    picture.text(title, Self.width / 2, 18, isTitle: true)
    picture.text(yLabel, 8, Self.top - 14, .start)
    picture.text(xLabel, (Self.left + Self.right) / 2, Self.bottom + 36)
    for tick in vertical.ticks {
      let y = Self.y(vertical.place(tick))
      picture.line((Self.left, y), (Self.right, y))
      picture.text(SVG.number(tick), Self.left - 6, y + 4, .end)
    }
    return picture
  }

  private func finish(_ picture: inout SVG) -> String {
    picture.line((Self.left, Self.bottom), (Self.right, Self.bottom), colour: "#000000")
    picture.line((Self.left, Self.top), (Self.left, Self.bottom), colour: "#000000")
    for (index, series) in series.enumerated() {
      let x = Self.left + Double(index) * 110
      picture.rectangle(x, Self.height - 16, 14, 4, colour: SVG.colour(index))
      picture.text(series.name, x + 20, Self.height - 10, .start)
    }
    return picture.document
  }
}
