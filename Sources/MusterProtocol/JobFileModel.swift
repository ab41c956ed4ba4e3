public import MusterCore

/// What a job says of the model that it trains or runs.
extension JobFileReader {
  mutating func readModel(_ node: Node) {
    let example = "parameters: 8B, tokensPerStep: 4M"
    guard let members = members(of: node, path: "", field: "model", example: example) else { return }
    let before = problems.count
    var numbers: [String: Int64] = [:]
    var model = ModelSpec(parameters: 0, tokensPerStep: 0)
    for member in members where !(member.value.isNull && JobFileFields.model.contains(member.name)) {
      let value = member.value
      switch member.name {
      case "parameters", "activeParameters", "layers", "hidden", "sequence", "tokensPerStep":
        numbers[member.name] = count(value, member.name)
      case "attention":
        if let word = word(value, "attention", ModelSpec.Attention.self) { model.attention = word }
      case "precision":
        if let word = word(value, "precision", ModelSpec.Precision.self) { model.precision = word }
      case "pass": if let word = word(value, "pass", ModelSpec.Pass.self) { model.pass = word }
      default: unknown(member, path: "model", known: JobFileFields.model)
      }
    }
    guard problems.count == before else { return }
    guard let parameters = numbers["parameters"] else { return absent("parameters", node, example) }
    guard let tokens = numbers["tokensPerStep"] else { return absent("tokensPerStep", node, example) }
    (model.parameters, model.tokensPerStep) = (parameters, tokens)
    model.activeParameters = numbers["activeParameters"] ?? parameters
    if model.activeParameters > parameters {
      problem(node.line, "model", "activeParameters", "\(model.activeParameters)", .activeParameters(of: parameters))
    }
    let attention = ["layers", "hidden", "sequence"]
    if let some = attention.first(where: { numbers[$0] != nil }) {
      for name in attention where numbers[name] == nil {
        problem(
          node.line, "model", name, "(missing)", .required("beside \(some): the FLOPs of attention need all three"))
      }
    }
    model.layers = numbers["layers"] ?? 0
    model.hidden = numbers["hidden"] ?? 0
    model.sequence = numbers["sequence"] ?? 0
    spec.model = model
  }

  private mutating func absent(_ field: String, _ node: Node, _ example: String) {
    problem(node.line, "model", field, "(missing)", .required("a count, e.g. \(example)"))
  }

  private mutating func count(_ node: Node, _ field: String) -> Int64? {
    let text: String? =
      switch node.scalar {
      case .integer(let number): "\(number)"
      case .plain(let text), .text(let text), .other(let text): text
      case .null, nil: nil
      }
    if let number = text.flatMap(JobFileQuantities.count), JobFile.Limits.count.contains(number) { return number }
    problem(node.line, "model", field, node.shown, .count(JobFile.Limits.count))
    return nil
  }

  private mutating func word<Word: ModelWord>(_ node: Node, _ field: String, _ type: Word.Type) -> Word? {
    if let text = plainText(node), let word = Word.allCases.first(where: { $0.name == text }) { return word }
    problem(node.line, "model", field, node.shown, .oneOf(Word.allCases.map(\.name)))
    return nil
  }
}

extension JobFileQuantities {
  /// `4096`, `8B`, `1.5T`, `4M`, `70e9`: K, M, B (or G) and T count in thousands. nil: not a whole number above 0.
  static func count(_ text: String) -> Int64? {
    let scales: [Character: Double] = ["K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12]
    let scale = text.last.flatMap { scales[$0] }
    let digits = scale == nil ? text[...] : text.dropLast()
    guard digits.first?.isNumber == true, let number = Double(digits) else { return nil }
    let value = (number * (scale ?? 1)).rounded()
    guard value >= 1, value < 0x1p53, abs(value - number * (scale ?? 1)) < 1e-6 * value else { return nil }
    return Int64(value)
  }
}

/// A choice by name.
protocol ModelWord: CaseIterable { var name: String { get } }
extension ModelSpec.Attention: ModelWord {
  public var name: String {
    switch self {
    case .full: "full"
    case .causal: "causal"
    }
  }
}
extension ModelSpec.Precision: ModelWord {
  public var name: String {
    switch self {
    case .bf16: "bf16"
    case .fp16: "fp16"
    case .tf32: "tf32"
    case .fp32: "fp32"
    case .fp8: "fp8"
    case .fp4: "fp4"
    }
  }
}
extension ModelSpec.Pass: ModelWord {
  public var name: String {
    switch self {
    case .training: "training"
    case .forward: "forward"
    }
  }
}

extension ModelSpec {
  /// As a job file and as an answer have it.
  var json: JSON {
    var members: [JSON.Member] = [
      .init(name: "parameters", value: .int(parameters)),
      .init(name: "activeParameters", value: .int(activeParameters)),
      .init(name: "tokensPerStep", value: .int(tokensPerStep)),
    ]
    if layers > 0 {
      members.append(.init(name: "layers", value: .int(layers)))
      members.append(.init(name: "hidden", value: .int(hidden)))
      members.append(.init(name: "sequence", value: .int(sequence)))
    }
    members.append(.init(name: "attention", value: .string(attention.name)))
    members.append(.init(name: "precision", value: .string(precision.name)))
    members.append(.init(name: "pass", value: .string(pass.name)))
    return .object(members)
  }
}
