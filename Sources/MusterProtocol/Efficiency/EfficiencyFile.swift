import MusterCore
public import MusterInsight

/// `efficiency.yaml`: thresholds of findings, a price book, and what happens to jobs that use nothing.
public enum EfficiencyFile {
  /// The longest file that is read.
  public static let limitBytes = 1 << 20

  /// Limits, each stated in the errors that name it.
  enum Limits {
    static let prices = 1_000
    static let types = 1_000
    static let projects = 10_000
    static let price = 0.0...1e6
    static let devices: ClosedRange<Int64> = 1...1_000_000
  }

  /// Reads it from YAML. All problems are reported together, in the order of their lines. What it does not mention has its
  /// default.
  public static func parse(yaml: String) -> Result<Efficiency, JobFileErrors> {
    do throws(JobFileErrors) {
      let (documents, problems) = try JobDocument.readAll(yaml: yaml, limitBytes: limitBytes)
      guard documents.count <= 1 else {
        throw JobDocument.refusal(
          line: documents[1].line, field: "", value: "a second document", .required("one document in a file"))
      }
      var reader = EfficiencyReader<JobDocument>(problems: problems)
      return reader.read(documents.first ?? JobDocument(.mapping([]), line: 1))
    } catch {
      return .failure(error)
    }
  }
}

/// One reading of one efficiency file. Collects every problem instead of stopping at the first.
struct EfficiencyReader<Node: JobFileNode> {
  /// How single fields are read and problems noted is the job file's.
  var fields: JobFileReader<Node>
  private var found = Efficiency()

  init(problems: [JobFileProblem] = []) {
    fields = JobFileReader<Node>(context: .wire, problems: problems)
  }

  mutating func read(_ root: Node) -> Result<Efficiency, JobFileErrors> {
    let members = fields.members(of: root, path: "", field: "", example: "thresholds: {inputStall: 0.2}") ?? []
    for member in members where !member.value.isNull {
      switch member.name {
      case "thresholds": readThresholds(member.value)
      case "prices": found.prices = PriceBook(prices(member.value))
      case "idle": readIdle(member)
      default: fields.unknown(member, path: "", known: ["thresholds", "prices", "idle"])
      }
    }
    guard fields.problems.isEmpty else { return .failure(fields.errors) }
    return .success(found)
  }

  // MARK: Thresholds

  private mutating func readThresholds(_ node: Node) {
    let path = "thresholds"
    guard let members = fields.members(of: node, path: "", field: path, example: "inputStall: 0.2") else { return }
    // Of those that name none of their own.
    var source = "the efficiency file"
    for member in members where member.name == "source" && !member.value.isNull {
      source = text(member.value, path, "source") ?? source
    }
    for member in members where member.name != "source" && !member.value.isNull {
      guard let threshold = Threshold(rawValue: member.name) else {
        fields.unknown(member, path: path, known: Threshold.allCases.map(\.rawValue) + ["source"])
        continue
      }
      guard let parts = member.value.members else {
        if let value = value(member.value, path, threshold) { found.thresholds[threshold] = Setting(value, source) }
        continue
      }
      readSetting(threshold, parts, member, source: source)
    }
  }

  /// `{value: 0.2, source: ...}`.
  private mutating func readSetting(
    _ threshold: Threshold, _ parts: [Node.Member], _ member: Node.Member, source: String
  ) {
    let place = "thresholds.\(member.name)"
    var setting = Setting(threshold.standard.value, source)
    var hasValue = false
    for part in parts where !part.value.isNull {
      switch part.name {
      case "value":
        hasValue = true
        if let value = value(part.value, place, threshold, "value") { setting.value = value }
      case "source": if let text = text(part.value, place, "source") { setting.source = text }
      default: fields.unknown(part, path: place, known: ["value", "source"])
      }
    }
    if !hasValue { fields.problem(member.line, place, "value", "(missing)", Self.rule(threshold)) }
    found.thresholds[threshold] = setting
  }

  private mutating func value(
    _ node: Node, _ path: String, _ threshold: Threshold, _ field: String? = nil
  ) -> Double? {
    let field = field ?? threshold.rawValue
    switch threshold.unit {
    case .time: return fields.span(node, path, field, zero: true)?.seconds
    case .memory: return fields.memory(node, path, field).map { Double($0) }
    case .share, .gpuHours: return number(node, path, field, threshold.range, Self.rule(threshold))
    }
  }

  private static func rule(_ threshold: Threshold) -> JobFileRule {
    switch threshold.unit {
    case .share: .required("a share from 0 to 1, e.g. \(threshold.standard.value)")
    case .gpuHours: .required("GPU-hours, 0 or more, e.g. \(Int64(threshold.standard.value))")
    case .time: .duration(zero: true)
    case .memory: .memory
    }
  }

  // MARK: Prices

  private mutating func prices(_ node: Node) -> [PriceBook.Entry] {
    let example = "{date: \"2026-10-05\", currency: USD, source: our contract, gpuHour: {H100: 3.99}}"
    guard let elements = node.elements else {
      fields.problem(node.line, "", "prices", node.shown, .required("a list, e.g. [\(example)]"))
      return []
    }
    guard elements.count <= EfficiencyFile.Limits.prices else {
      fields.problem(
        node.line, "", "prices", "\(elements.count) entries", .entries(limit: EfficiencyFile.Limits.prices))
      return []
    }
    var entries: [PriceBook.Entry] = []
    for (index, element) in elements.enumerated() {
      let path = "prices[\(index)]"
      guard let members = fields.members(of: element, path: "", field: path, example: example) else { continue }
      let entry = entry(members, element, path)
      if let twin = entries.firstIndex(where: { $0.date == entry.date && !entry.date.isEmpty }) {
        let line = members.first { $0.name == "date" }?.line
        fields.problem(line, path, "date", entry.date, .required("another day than prices[\(twin)] has"))
      }
      entries.append(entry)
    }
    return entries
  }

  private mutating func entry(_ members: [Node.Member], _ element: Node, _ path: String) -> PriceBook.Entry {
    let known = ["date", "currency", "source", "gpuHour"]
    var entry = PriceBook.Entry(date: "", currency: "", source: "", gpuHour: [])
    for member in members where !member.value.isNull {
      switch member.name {
      case "date": entry.date = day(member.value, path) ?? ""
      case "currency":
        entry.currency = fields.plainText(member.value) ?? ""
        let letters = entry.currency.utf8
        if !(1...8).contains(letters.count) || !letters.allSatisfy({ (0x41...0x5a).contains($0) }) {
          fields.problem(
            member.line, path, "currency", member.value.shown, .required("1 to 8 capital letters, e.g. USD"))
        }
      case "source": entry.source = text(member.value, path, "source") ?? ""
      case "gpuHour": entry.gpuHour = gpuHours(member.value, path)
      default: fields.unknown(member, path: path, known: known)
      }
    }
    for name in known where !members.contains(where: { $0.name == name && !$0.value.isNull }) {
      let rule =
        switch name {
        case "date": "the day from which on these hold, e.g. \"2026-10-05\""
        case "currency": "what they are in, e.g. USD"
        case "source": "who says so: a contract, or a page and the day on which it was read"
        default: "a GPU-hour's price by device type, e.g. {H100: 3.99}"
        }
      fields.problem(element.line, path, name, "(missing)", .required(rule))
    }
    return entry
  }

  private mutating func gpuHours(_ node: Node, _ path: String) -> [PriceBook.TypePrice] {
    guard let members = fields.members(of: node, path: path, field: "gpuHour", example: "H100: 3.99") else { return [] }
    let (place, most) = ("\(path).gpuHour", EfficiencyFile.Limits.types)
    if members.isEmpty || members.count > most {
      fields.problem(node.line, path, "gpuHour", "\(members.count) types", .required("1 to \(most) device types"))
    }
    var prices: [PriceBook.TypePrice] = []
    for member in members {
      if !JobFileText.isDeviceType(member.name) {
        fields.problem(
          member.line, place, member.name, member.value.shown,
          .required("a device type: 1 to 64 characters with no comma"))
      }
      let rule = JobFileRule.required("a price from 0 to 1000000, e.g. 3.99")
      guard let price = number(member.value, place, member.name, EfficiencyFile.Limits.price, rule) else { continue }
      prices.append(PriceBook.TypePrice(type: member.name, price: price))
    }
    if let twins = PriceBook.twins(in: prices) {
      let (earlier, later) = (prices[twins.earlier].type, prices[twins.later].type)
      let member = members.last { $0.name == later }
      fields.problem(
        member?.line, place, later, member?.value.shown ?? "",
        .required("one price for a part: \(earlier) names the same one"))
    }
    return prices
  }

  // MARK: Idle jobs

  private mutating func readIdle(_ idle: Node.Member) {
    guard let members = fields.members(of: idle.value, path: "", field: "idle", example: "warnAfter: 60m") else {
      return
    }
    var rules = IdleRules()
    for member in members where !member.value.isNull {
      switch member.name {
      case "warnAfter": rules.warnAfter = fields.span(member.value, "idle", "warnAfter", zero: false)?.seconds
      case "cancelAfter": rules.cancelAfter = fields.span(member.value, "idle", "cancelAfter", zero: false)?.seconds
      case "exempt": readExempt(member.value, &rules)
      default: fields.unknown(member, path: "idle", known: ["warnAfter", "cancelAfter", "exempt"])
      }
    }
    let cancel = members.first { $0.name == "cancelAfter" && !$0.value.isNull }
    if let cancel {
      let hasWarning = members.contains { $0.name == "warnAfter" && !$0.value.isNull }
      if !hasWarning {
        fields.problem(
          idle.line, "idle", "warnAfter", "(missing)",
          .required("a time before cancelAfter: nobody is cancelled unwarned"))
      } else if let warnAfter = rules.warnAfter, let cancelAfter = rules.cancelAfter, cancelAfter <= warnAfter {
        fields.problem(
          cancel.line, "idle", "cancelAfter", cancel.value.shown,
          .required("longer than warnAfter, so that there is time to do something"))
      }
    }
    found.idle = rules
  }

  private mutating func readExempt(_ node: Node, _ rules: inout IdleRules) {
    let path = "idle.exempt"
    guard let members = fields.members(of: node, path: "", field: path, example: "projects: [interactive]") else {
      return
    }
    for member in members where !member.value.isNull {
      switch member.name {
      case "projects":
        let texts = fields.texts(member.value, "\(path).projects", separator: ",", example: "[interactive]") ?? []
        for (text, part) in texts where !JobFileText.isName(text) {
          fields.problem(part.line, path, "projects", part.shown, .name)
        }
        rules.exemptProjects = texts.map(\.text)
      case "devicesAtLeast":
        rules.exemptDevicesAtLeast = fields.integer(
          member.value, path, "devicesAtLeast", EfficiencyFile.Limits.devices
        ).map { Int($0) }
      default: fields.unknown(member, path: path, known: ["projects", "devicesAtLeast"])
      }
    }
  }

  // MARK: Single values

  private mutating func text(_ node: Node, _ path: String, _ field: String) -> String? {
    if let text = fields.plainText(node), (1...300).contains(text.count), !text.contains(where: \.isNewline) {
      return text
    }
    fields.problem(node.line, path, field, node.shown, .required("one line of 1 to 300 characters"))
    return nil
  }

  private mutating func number(
    _ node: Node, _ path: String, _ field: String, _ range: ClosedRange<Double>, _ rule: JobFileRule
  ) -> Double? {
    let number: Double? =
      switch node.scalar {
      case .integer(let value): Double(value)
      case .plain(let text), .other(let text): Double(text)
      case .null, .text, nil: nil
      }
    if let number, number.isFinite, range.contains(number) { return number }
    fields.problem(node.line, path, field, node.shown, rule)
    return nil
  }

  /// `2026-10-05`, quoted or not.
  private mutating func day(_ node: Node, _ path: String) -> String? {
    if let text = fields.plainText(node), Moment.parse(text + "T00:00:00Z") != nil { return text }
    fields.problem(node.line, path, "date", node.shown, .required("a day, e.g. \"2026-10-05\""))
    return nil
  }
}
