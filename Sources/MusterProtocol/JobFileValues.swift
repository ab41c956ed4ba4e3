import MusterCore

/// How single fields are read: each notes its problem and answers nil, or leaves the default.
extension JobFileReader {
  mutating func problem(_ line: Int?, _ path: String, _ field: String, _ value: String, _ rule: JobFileRule) {
    let whole = path.isEmpty ? field : field.isEmpty ? path : "\(path).\(field)"
    problems.append(JobFileProblem(line: line == 0 ? nil : line, field: whole, value: value, rule: rule))
  }

  mutating func members(of node: Node, path: String, field: String, example: String) -> [Node.Member]? {
    if let members = node.members { return members }
    if node.isNull { return [] }
    problem(node.line, path, field, node.shown, .mapping(example: example))
    return nil
  }

  mutating func unknown(_ member: Node.Member, path: String, known: [String]) {
    if JobFile.reserved.contains(member.name) {
      return problem(member.line, path, member.name, member.value.shown, .notYet)
    }
    let nearest = JobFileFields.nearest(to: member.name, in: known)
    problem(member.line, path, member.name, member.value.shown, .knownField(known: known, nearest: nearest))
  }

  /// The text of a scalar that is one, quoted or not.
  func plainText(_ node: Node) -> String? {
    switch node.scalar {
    case .text(let text), .plain(let text): text
    case .null, .integer, .other, nil: nil
    }
  }

  mutating func integer(_ node: Node, _ path: String, _ field: String, _ range: ClosedRange<Int64>) -> Int64? {
    let number: Int64? =
      switch node.scalar {
      case .integer(let value): value
      case .plain(let text): Int64(text)
      case .null, .text, .other, nil: nil
      }
    guard let number, range.contains(number) else {
      var rule = JobFileRule.wholeNumber(from: range.lowerBound, to: range.upperBound)
      if case .text(let text) = node.scalar, Int64(text) != nil {
        rule = .bareNumber(from: range.lowerBound, to: range.upperBound)
      }
      problem(node.line, path, field, node.shown, rule)
      return nil
    }
    return number
  }

  /// A number, or the name that a policy has for one; the controller knows which it has.
  mutating func readPriority(_ node: Node) {
    let range = JobFile.Limits.priority
    if let text = plainText(node), Int64(text) == nil {
      guard JobFileText.isPriorityName(text) else {
        return problem(node.line, "", "priority", node.shown, .priority(from: range.lowerBound, to: range.upperBound))
      }
      spec.wishes.priorityClass = text
      return
    }
    let before = problems.count
    if let number = integer(node, "", "priority", range) { spec.priority = Int32(number) }
    if problems.count > before {
      problems[before].rule = .priority(from: range.lowerBound, to: range.upperBound)
    }
  }

  mutating func span(_ node: Node, _ path: String, _ field: String, zero: Bool) -> Span? {
    let reading: Result<Span, JobFileRuleBroken> =
      switch node.scalar {
      case .text(let text): JobFileQuantities.span(text, quoted: true, zero: zero)
      case .plain(let text): JobFileQuantities.span(text, quoted: false, zero: zero)
      case .integer: .failure(JobFileRuleBroken(.durationUnit))
      case .null, .other, nil: .failure(JobFileRuleBroken(.duration(zero: zero)))
      }
    switch reading {
    case .success(let span): return span
    case .failure(let broken):
      problem(node.line, path, field, node.shown, broken.rule)
      return nil
    }
  }

  mutating func memory(_ node: Node, _ path: String, _ field: String) -> Int64? {
    let reading: Result<Int64, JobFileRuleBroken> =
      switch node.scalar {
      case .text(let text), .plain(let text): JobFileQuantities.memoryBytes(text)
      case .integer: .failure(JobFileRuleBroken(.memoryUnit))
      case .null, .other, nil: .failure(JobFileRuleBroken(.memory))
      }
    switch reading {
    case .success(let bytes): return bytes
    case .failure(let broken):
      problem(node.line, path, field, node.shown, broken.rule)
      return nil
    }
  }

  mutating func signal(_ node: Node, _ path: String) -> Int32? {
    switch word(node).map(JobFileQuantities.signal) {
    case .success(let number): return number
    case .failure, nil:
      problem(node.line, path, "signal", node.shown, .signal)
      return nil
    }
  }

  /// The text of a scalar that is one, or a number without a fraction.
  func word(_ node: Node) -> String? {
    if case .integer(let number) = node.scalar { return String(number) }
    return plainText(node)
  }

  mutating func name(_ node: Node, _ path: String, _ field: String) -> String? {
    if let text = plainText(node), JobFileText.isName(text) { return text }
    problem(node.line, path, field, node.shown, .name)
    return nil
  }

  mutating func readUser(_ node: Node) {
    hasUser = true
    guard let text = plainText(node), JobFileText.isUser(text) else {
      return problem(node.line, "", "user", node.shown, .user)
    }
    spec.user = text
  }
}
