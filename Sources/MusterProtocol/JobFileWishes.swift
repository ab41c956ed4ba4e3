import MusterCore

/// What a job asks of its place and its time.
extension JobFileReader {
  /// False if there is no such field.
  mutating func readWish(_ name: String, _ value: Node) -> Bool {
    switch name {
    case "array": readArray(value)
    case "dependsOn": readDependencies(value)
    case "hold": if let flag = bool(value, "", name) { spec.wishes.isHeld = flag }
    case "begin": readBegin(value)
    case "warn": readWarn(value)
    default: return readPlaceWish(name, value, "")
    }
    return true
  }

  /// What may be asked of a role's place; it replaces what the job asks of all of them.
  mutating func readPlaceWish(_ name: String, _ value: Node, _ path: String) -> Bool {
    wishPath = path
    switch name {
    case "segment":
      segmentLine = value.line
      if let number = integer(value, path, name, JobFile.Limits.segment) { spec.wishes.segment = Int32(number) }
    case "within": readWithin(value)
    case "spread": readSpread(value)
    case "deviceTypes": readDeviceTypes(value)
    case "exclusive": if let flag = bool(value, path, name) { spec.wishes.isExclusive = flag }
    case "constraint": readConstraint(value)
    case "exclude": readExclude(value)
    default: return false
    }
    return true
  }

  mutating func checkSegment() {
    let (nodes, segment) = (spec.role.nodes, spec.wishes.segment)
    if segment > 1, nodes % segment != 0 {
      problem(segmentLine, wishPath, "segment", "\(segment)", .segmentOfNodes(nodes: nodes))
    }
  }

  /// What needs other fields, too.
  mutating func checkWarning() {
    guard let warning = spec.wishes.warning else { return }
    let before = JobFileQuantities.text(warning.before)
    guard let walltime = spec.walltime else {
      // A walltime that could not be read is told already.
      if !problems.contains(where: { $0.field == "walltime" }) {
        problem(warnLine, "warn", "before", before, .warnWalltime)
      }
      return
    }
    if warning.before >= walltime {
      problem(warnLine, "warn", "before", before, .warnBefore(walltime: JobFileQuantities.text(walltime)))
    }
  }

  private mutating func level(_ node: Node, _ path: String, _ field: String) -> String? {
    if let text = plainText(node), JobFileText.isName(text) { return text }
    problem(node.line, path, field, node.shown, .levelName)
    return nil
  }

  mutating func bool(_ node: Node, _ path: String, _ field: String) -> Bool? {
    let text: String? =
      if case .other(let text) = node.scalar { text } else if case .plain(let text) = node.scalar { text } else { nil }
    switch text {
    case "true", "True", "TRUE": return true
    case "false", "False", "FALSE": return false
    default:
      problem(node.line, path, field, node.shown, .bool)
      return nil
    }
  }

  private mutating func readWithin(_ node: Node) {
    guard let members = node.members else {
      if let level = level(node, wishPath, "within") { spec.wishes.within = Within(level: level) }
      return
    }
    var within = Within(level: "")
    for member in members where !(member.value.isNull && JobFileFields.within.contains(member.name)) {
      switch member.name {
      case "level": within.level = level(member.value, "within", "level") ?? "-"
      case "preferred": if let flag = bool(member.value, "within", "preferred") { within.isRequired = !flag }
      default: unknown(member, path: "within", known: JobFileFields.within)
      }
    }
    if within.level.isEmpty { problem(node.line, "within", "level", "(missing)", .levelName) }
    spec.wishes.within = within
  }

  private mutating func readSpread(_ node: Node) {
    guard let members = node.members else {
      if let level = level(node, wishPath, "spread") { spec.wishes.spread = Spread(level: level) }
      return
    }
    var spread = Spread(level: "")
    for member in members where !(member.value.isNull && JobFileFields.spread.contains(member.name)) {
      switch member.name {
      case "level": spread.level = level(member.value, "spread", "level") ?? "-"
      case "atMost":
        if let number = integer(member.value, "spread", "atMost", JobFile.Limits.nodes) {
          spread.atMost = Int32(number)
        }
      default: unknown(member, path: "spread", known: JobFileFields.spread)
      }
    }
    if spread.level.isEmpty { problem(node.line, "spread", "level", "(missing)", .levelName) }
    spec.wishes.spread = spread
  }

  private mutating func readWarn(_ node: Node) {
    guard let members = members(of: node, path: "", field: "warn", example: "signal: USR1, before: 5m") else { return }
    // As Slurm: USR1 where only the time is named.
    var warning = Warning(signal: 10, before: .zero)
    warnLine = node.line
    var isWhole = false
    for member in members where !(member.value.isNull && JobFileFields.warn.contains(member.name)) {
      switch member.name {
      case "signal": if let number = signal(member.value, "warn") { warning.signal = number }
      case "before":
        isWhole = true
        warnLine = member.line
        if let before = span(member.value, "warn", "before", zero: false) { warning.before = before } else { return }
      default: unknown(member, path: "warn", known: JobFileFields.warn)
      }
    }
    guard isWhole else {
      return problem(
        node.line, "warn", "before", "(missing)", .required("how long before the walltime is over, e.g. 5m"))
    }
    spec.wishes.warning = warning
  }

  // MARK: Lists

  /// A list of texts, or one text; `separator`: what stands between several in one text.
  mutating func texts(
    _ node: Node, _ field: String, separator: Character?, example: String
  ) -> [(text: String, node: Node)]? {
    guard let elements = node.elements else {
      guard let text = word(node) else {
        problem(node.line, wishPath, field, node.shown, .texts(example: example))
        return nil
      }
      guard let separator else { return [(text, node)] }
      return text.split(separator: separator, omittingEmptySubsequences: false).map { (trimmed($0), node) }
    }
    guard elements.count <= JobFile.Limits.listEntries else {
      problem(node.line, wishPath, field, "\(elements.count) entries", .entries(limit: JobFile.Limits.listEntries))
      return nil
    }
    var texts: [(String, Node)] = []
    for (index, element) in elements.enumerated() {
      if let text = word(element) {
        texts.append((text, element))
      } else {
        problem(element.line, wishPath, "\(field)[\(index)]", element.shown, .texts(example: example))
      }
    }
    return texts
  }

  private func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  private mutating func readDeviceTypes(_ node: Node) {
    spec.wishes.deviceTypes = []
    for (text, part) in texts(node, "deviceTypes", separator: ",", example: "[H100, A100]") ?? [] {
      guard JobFileText.isDeviceType(text) else {
        problem(part.line, wishPath, "deviceTypes", part.shown, .deviceType)
        continue
      }
      if !spec.wishes.deviceTypes.contains(text) { spec.wishes.deviceTypes.append(text) }
    }
  }

  private mutating func readConstraint(_ node: Node) {
    spec.wishes.constraint = []
    for (text, part) in texts(node, "constraint", separator: "&", example: #"[ib=hdr, "!old"]"#) ?? [] {
      guard let rule = LabelText.rule(text) else {
        problem(part.line, wishPath, "constraint", part.shown, .labelRule)
        continue
      }
      spec.wishes.constraint.append(rule)
    }
  }

  private mutating func readExclude(_ node: Node) {
    var names: Set<String> = []
    for (text, part) in texts(node, "exclude", separator: nil, example: #"[node-3, "node-[7-9]"]"#) ?? [] {
      do throws(NodeNames.Problem) {
        names.formUnion(try NodeNames.expand(text, limit: JobFile.Limits.excludedNodes))
      } catch {
        switch error {
        case .unreadable: problem(part.line, wishPath, "exclude", part.shown, .nodeNames)
        case .tooMany(let limit): problem(part.line, wishPath, "exclude", part.shown, .nodeCount(limit: limit))
        }
      }
    }
    let limit = JobFile.Limits.excludedNodes
    if names.count > limit { problem(node.line, wishPath, "exclude", "\(names.count) nodes", .nodeCount(limit: limit)) }
    spec.wishes.exclude = names.sorted()
  }

  private mutating func readArray(_ node: Node) {
    switch word(node).map(ArrayRequest.parse) {
    case .success(let request): array = request
    case .failure(let broken): problem(node.line, "", "array", node.shown, broken.rule)
    case nil: problem(node.line, "", "array", node.shown, .array)
    }
  }

  private mutating func readDependencies(_ node: Node) {
    for (text, part) in texts(node, "dependsOn", separator: ",", example: "[afterok:41, after:7, singleton]") ?? [] {
      guard let found = dependencies(text) else {
        problem(part.line, "", "dependsOn", part.shown, .dependency)
        continue
      }
      for dependency in found where !spec.wishes.dependsOn.contains(dependency) {
        spec.wishes.dependsOn.append(dependency)
      }
    }
    let count = spec.wishes.dependsOn.count
    if count > JobFile.Limits.listEntries {
      problem(node.line, "", "dependsOn", "\(count) entries", .entries(limit: JobFile.Limits.listEntries))
    }
  }

  /// `afterok:41:42_3` are two.
  private func dependencies(_ text: String) -> [Dependency]? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let kind = Dependency.Kind.allCases.first(where: { "\($0)" == parts[0] }) else { return nil }
    if kind == .singleton { return parts.count == 1 ? [Dependency(kind: kind)] : nil }
    let found = parts.dropFirst().compactMap { dependency(kind, $0) }
    return found.isEmpty || found.count < parts.count - 1 ? nil : found
  }

  /// On a job's number, or on a task of an array, `41_3`.
  private func dependency(_ kind: Dependency.Kind, _ word: Substring) -> Dependency? {
    let parts = word.split(separator: "_", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { $0.first == "+" ? nil : Int64($0) }
    guard parts.count <= 2, numbers.count == parts.count, numbers[0] > 0 else { return nil }
    guard numbers.count == 2 else { return Dependency(kind: kind, job: JobID(numbers[0])) }
    guard JobFile.Limits.arrayIndex.contains(numbers[1]) else { return nil }
    return Dependency(kind: kind, job: JobID(numbers[0]), task: Int32(numbers[1]))
  }

  private mutating func readBegin(_ node: Node) {
    let rule = JobFileRule.moment(relative: context.now != nil)
    guard let text = plainText(node) else { return problem(node.line, "", "begin", node.shown, rule) }
    if text == "now" { return }
    if let now = context.now, text.hasPrefix("now+"), let span = JobFile.span(String(text.dropFirst(4))) {
      let begin = now + span
      // What a job file can say is whole milliseconds.
      spec.wishes.begin = Instant(nanoseconds: begin.nanoseconds / 1_000_000 * 1_000_000)
      return
    }
    guard let begin = Moment.parse(text) else { return problem(node.line, "", "begin", node.shown, rule) }
    spec.wishes.begin = begin
  }
}
