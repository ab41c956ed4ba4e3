import MusterProtocol

/// Members of the API's objects as people read them. What is missing or null is a hyphen, what has another type is
/// shown as it is: a newer controller may say more than we know.
extension JSON {
  func shown(_ name: String) -> String {
    switch self[name] {
    case nil, .null: "-"
    case .string(let text): text.isEmpty ? "-" : text
    case .int(let number): String(number)
    case .double(let number): Numbers.short(number)
    case .bool(let flag): flag ? "yes" : "no"
    case .array(let elements) where elements.isEmpty: "-"
    case .array(let elements): elements.map { $0.stringValue ?? $0.text }.joined(separator: ",")
    case .object(let members): JSON.object(members).text
    }
  }

  func texts(_ name: String) -> [String] {
    (self[name]?.arrayValue ?? []).compactMap(\.stringValue)
  }

  /// nil where there is none or null.
  func seconds(_ name: String) -> Double? {
    self[name]?.stringValue.flatMap(Timestamps.unixSeconds)
  }
}

enum Numbers {
  /// Up to four digits that matter, without an exponent.
  static func short(_ number: Double) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return String(number) }
    let decimals = abs(number) >= 1000 ? 0 : abs(number) >= 100 ? 1 : abs(number) >= 10 ? 2 : 3
    return fixed(number, decimals: decimals)
  }

  static func fixed(_ number: Double, decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int64((abs(number) * scale).rounded())
    let sign = number < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(scaled) }
    let fraction = String(scaled % Int64(scale))
    return "\(sign)\(scaled / Int64(scale)).\(String(repeating: "0", count: decimals - fraction.count))\(fraction)"
  }

  static func percent(_ share: Double) -> String { fixed(share * 100, decimals: 1) + " %" }

  /// 1,024s: `64.0 GiB`.
  static func bytes(_ count: Int64) -> String {
    var value = Double(count)
    var unit = "B"
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] where value >= 1024 {
      value /= 1024
      unit = next
    }
    return unit == "B" ? "\(count) B" : "\(fixed(value, decimals: 1)) \(unit)"
  }
}
