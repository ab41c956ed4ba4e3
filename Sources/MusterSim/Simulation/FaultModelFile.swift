import MusterProtocol

/// A fault model as a file. See docs/simulator.md.
extension FaultModel {
  public init(yaml: [UInt8], name: String) throws(InputErrors) {
    var reader = FieldReader()
    let document = try FieldReader.document(yaml)
    let members = reader.members(document, "", known: ["source", "repair", "kinds", "lemons"])
    self.init(name: name, source: reader.text(members["source"], "source") ?? "", kinds: [])
    let common = members["repair"].map { Self.repair($0, "repair", &reader) }
    if members["kinds"] == nil { reader.missing("kinds", "a list of causes, each with per, count and days") }
    for (i, kind) in (reader.elements(members["kinds"], "kinds", of: "causes") ?? []).enumerated() {
      if let kind = Self.kind(kind, "kinds[\(i)]", common, &reader) { kinds.append(kind) }
    }
    if let given = members["lemons"] {
      let fields = reader.members(given, "lemons", known: ["perThousandNodes", "times"])
      let share = reader.integer(fields["perThousandNodes"], "lemons.perThousandNodes", 0...1000)
      let times = reader.integer(fields["times"], "lemons.times", 1...1000)
      if fields["perThousandNodes"] == nil { reader.missing("lemons.perThousandNodes", "0 to 1000") }
      if fields["times"] == nil { reader.missing("lemons.times", "how many times as often they break, 1 to 1000") }
      if let share, let times { lemons = Lemons(perThousandNodes: share, times: times) }
    }
    try reader.check()
  }

  private static func kind(
    _ document: JobDocument, _ path: String, _ common: [Int64]?, _ reader: inout FieldReader
  ) -> Kind? {
    let fields = reader.members(
      document, path, known: ["cause", "per", "count", "days", "takesOut", "repair"])
    let scopes = Scope.allCases.map(\.rawValue).joined(separator: ", ")
    var scope: Scope?
    if let per = fields["per"] {
      scope = reader.text(per, "\(path).per").flatMap(Scope.init)
      if scope == nil { reader.report(per, "\(path).per", scopes) }
    } else {
      reader.missing("\(path).per", scopes)
    }
    let most: Int64 = 1_000_000_000_000
    let count = reader.integer(fields["count"], "\(path).count", 0...1_000_000)
    let days = reader.integer(fields["days"], "\(path).days", 1...most)
    if fields["cause"] == nil { reader.missing("\(path).cause", "a text") }
    if fields["count"] == nil { reader.missing("\(path).count", "how many faults there were") }
    if fields["days"] == nil { reader.missing("\(path).days", "in so many days of one device, node or rack") }
    if let count, let days, let given = fields["count"], count > 1_000 * days {
      reader.report(given, "\(path).count", "no more than 1000 a day")
    }
    let takesOut = reader.flag(fields["takesOut"], "\(path).takesOut") ?? true
    let repair = fields["repair"].map { Self.repair($0, "\(path).repair", &reader) } ?? common
    if takesOut, repair == nil { reader.missing("\(path).repair", "a list of times, or one repair for all kinds") }
    guard let cause = reader.text(fields["cause"], "\(path).cause"), let scope, let count, let days else { return nil }
    return Kind(cause: cause, scope: scope, count: count, days: days, takesOut: takesOut, repair: repair ?? [])
  }

  private static func repair(_ document: JobDocument, _ path: String, _ reader: inout FieldReader) -> [Int64] {
    var times: [Int64] = []
    for (i, time) in (reader.elements(document, path, of: "times, the shortest first") ?? []).enumerated() {
      guard let span = reader.span(time, "\(path)[\(i)]") else { continue }
      if span < times.last ?? 0 { reader.report(time, "\(path)[\(i)]", "no less than the one before") }
      times.append(span)
    }
    return times
  }
}
