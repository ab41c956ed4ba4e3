/// A plot over time as SVG: bands between two lines, with a scale at the left and days or hours below.
package struct PlotArea {
  private static let (width, height, left, bottom) = (960.0, 200.0, 44.0, 20.0)
  private let label: String
  /// Milliseconds.
  private let span: Int64
  /// What the highest value is called.
  private let top: String
  private var bands = ""

  package init(label: String, span: Int64, top: String) {
    self.label = label
    self.span = max(1, span)
    self.top = top
  }

  /// `edges`: the lower and upper line, as shares of the height, at equal distances. Drawn as steps: each value holds for
  /// a piece of time.
  package mutating func band(_ kind: String, _ edges: [(low: Double, high: Double)]) {
    guard edges.contains(where: { $0.high > $0.low }) else { return }
    let step = (Self.width - Self.left) / Double(edges.count)
    var path = ""
    for (i, edge) in edges.enumerated() {
      let x = Self.left + Double(i) * step
      path += "\(i == 0 ? "M" : "L")\(Self.number(x)) \(y(edge.high))H\(Self.number(x + step))"
    }
    for (i, edge) in edges.enumerated().reversed() {
      let x = Self.left + Double(i) * step
      path += "L\(Self.number(x + step)) \(y(edge.low))H\(Self.number(x))"
    }
    bands += "<path class=\"\(kind)\" d=\"\(path)Z\"/>"
  }

  /// Points as milliseconds and shares of the height. A point without a value, and a pause of more than `gap` milliseconds
  /// between two, breaks the line; what stands alone is a short dash.
  package mutating func line(_ kind: String, _ points: [(at: Int64, share: Double?)], gap: Int64) {
    var path = ""
    var before: Int64?
    for point in points {
      guard let share = point.share else {
        before = nil
        continue
      }
      let x = Self.left + (Self.width - Self.left) * Double(point.at) / Double(span)
      let goesOn = before.map { point.at - $0 <= gap } ?? false
      path += goesOn ? "L\(Self.number(x)) \(y(share))" : "M\(Self.number(x - 1)) \(y(share))H\(Self.number(x))"
      before = point.at
    }
    guard !path.isEmpty else { return }
    bands += "<path class=\"line \(kind)\" d=\"\(path)\"/>"
  }

  private func y(_ share: Double) -> String { Self.number((1 - max(0, min(1, share))) * Self.height) }

  package var svg: String {
    let (width, height, left) = (Self.number(Self.width), Self.height, Self.number(Self.left))
    var out = "<svg viewBox=\"0 -8 \(width) \(Self.number(height + Self.bottom + 8))\" role=\"img\" "
    out += "aria-label=\"\(label)\">\(bands)"
    out += "<path class=\"grid\" d=\"M\(left) 0H\(width)M\(left) \(Self.number(height / 2))H\(width)"
    out += "M\(left) \(Self.number(height))H\(width)\"/>"
    out += "<text x=\"\(Self.number(Self.left - 6))\" y=\"4\" text-anchor=\"end\">\(top)</text>"
    out += "<text x=\"\(Self.number(Self.left - 6))\" y=\"\(Self.number(height + 4))\" text-anchor=\"end\">0</text>"
    for mark in marks {
      let x = Self.left + (Self.width - Self.left) * Double(mark.at) / Double(span)
      out += "<text x=\"\(Self.number(x))\" y=\"\(Self.number(height + 16))\">\(mark.name)</text>"
    }
    return out + "</svg>"
  }

  /// At round times, at most ten of them.
  private var marks: [(at: Int64, name: String)] {
    let (minute, hour, day): (Int64, Int64, Int64) = (60_000, 3_600_000, 86_400_000)
    let steps =
      [1, 5, 15, 30].map { $0 * minute } + [1, 3, 6, 12].map { $0 * hour }
      + [1, 2, 7, 14, 30, 100, 365, 1_000].map { $0 * day }
    let step = steps.first { span / $0 < 10 } ?? span
    return stride(from: 0, to: span - step / 4, by: Int64.Stride(step)).map { at in
      if step % day == 0 { return (at, "day \(at / day)") }
      return step % hour == 0 ? (at, "\(at / hour) h") : (at, "\(at / minute) min")
    }
  }

  /// At most two digits after the point.
  package static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = abs(hundredths).quotientAndRemainder(dividingBy: 100)
    let sign = hundredths < 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    return "\(sign)\(whole)." + (rest < 10 ? "0\(rest)" : rest % 10 == 0 ? "\(rest / 10)" : "\(rest)")
  }
}
