/// Names of nodes, written short: `node-[1-3,7],gpu01`.
enum NodeList {
  private struct Numbered {
    var prefix: String
    var number: Int
    /// Digits with their leading zeros: `01` and `1` are different names.
    var width: Int
  }

  static func text(_ names: [String]) -> String {
    var parts: [String] = []
    var run: [Numbered] = []
    for name in names {
      guard let next = numbered(name) else {
        if !run.isEmpty { parts.append(text(run)) }
        run = []
        parts.append(name)
        continue
      }
      if let last = run.last, last.prefix != next.prefix || last.width != next.width {
        parts.append(text(run))
        run = []
      }
      run.append(next)
    }
    if !run.isEmpty { parts.append(text(run)) }
    return parts.joined(separator: ",")
  }

  /// Names of one prefix, in the order given: it is the gang's rank order.
  private static func text(_ run: [Numbered]) -> String {
    var ranges: [(first: Int, last: Int)] = []
    for name in run {
      if let last = ranges.last, name.number == last.last + 1 {
        ranges[ranges.count - 1].last = name.number
      } else {
        ranges.append((name.number, name.number))
      }
    }
    let width = run[0].width
    let texts = ranges.map { range in
      range.first == range.last
        ? padded(range.first, width) : "\(padded(range.first, width))-\(padded(range.last, width))"
    }
    if run.count == 1 { return run[0].prefix + texts[0] }
    return "\(run[0].prefix)[\(texts.joined(separator: ","))]"
  }

  private static func numbered(_ name: String) -> Numbered? {
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
    guard digits > 0, digits <= 9, let number = Int(name.suffix(digits)) else { return nil }
    // Width matters only where a zero leads: node-9 and node-10 are one range.
    let hasZero = digits > 1 && name.suffix(digits).hasPrefix("0")
    return Numbered(prefix: String(name.dropLast(digits)), number: number, width: hasZero ? digits : 0)
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
