import MusterCore

/// What a rank is started with: its command, environment and working directory.
extension JobFileReader {
  mutating func readCommand(_ node: Node, path: String) {
    hasCommand = true
    guard let elements = node.elements, !elements.isEmpty else {
      return problem(node.line, path, "command", node.elements == nil ? node.shown : "[]", .command)
    }
    var words: [String] = []
    words.reserveCapacity(elements.count)
    var bytes = 0
    for (index, element) in elements.enumerated() {
      guard let word = text(element) else {
        problem(element.line, path, "command[\(index)]", element.shown, textRule(element))
        continue
      }
      if index == 0, word.isEmpty { problem(element.line, path, "command[0]", "\"\"", .required("a program")) }
      bytes += word.utf8.count + 1
      words.append(word)
    }
    if bytes > JobFile.Limits.commandBytes {
      problem(node.line, path, "command", "\(bytes) bytes", .commandBytes(limit: JobFile.Limits.commandBytes))
    }
    spec.role.command = words
  }

  mutating func readEnvironment(_ node: Node, path: String) {
    guard let members = members(of: node, path: path, field: "environment", example: "NAME: value") else { return }
    var variables: [EnvironmentVariable] = []
    variables.reserveCapacity(members.count)
    var isSorted = true
    for member in members {
      let name = member.name
      if !JobFileText.isEnvironmentName(name) {
        problem(member.line, path, "environment.\(name)", member.value.shown, .environmentName)
      } else if name.hasPrefix("MUSTER_") {
        problem(member.line, path, "environment.\(name)", member.value.shown, .environmentReserved)
      }
      // `NAME:` with nothing behind it is the empty text that it looks like.
      guard let value = text(member.value, emptyToo: true) else {
        problem(member.value.line, path, "environment.\(name)", member.value.shown, textRule(member.value))
        continue
      }
      if let last = variables.last, last.name > name { isSorted = false }
      variables.append(EnvironmentVariable(name: name, value: value))
    }
    if !isSorted { variables.sort { $0.name < $1.name } }
    spec.role.environment = variables
    checkEnvironment(line: node.line, path: path)
  }

  mutating func readWorkingDirectory(_ node: Node, path: String) {
    hasWorkingDirectory = true
    guard let text = text(node), !text.isEmpty else {
      let rule = context.takesRelativePaths ? JobFileRule.directory : .absolutePath
      return problem(node.line, path, "workingDirectory", node.shown, rule)
    }
    var directory = text
    if !text.hasPrefix("/") {
      guard let base = context.workingDirectory, context.takesRelativePaths else {
        return problem(node.line, path, "workingDirectory", node.shown, .absolutePath)
      }
      directory = text == "." ? base : base.hasSuffix("/") ? base + text : "\(base)/\(text)"
    }
    if directory.utf8.count > JobFile.Limits.pathBytes {
      problem(node.line, path, "workingDirectory", node.shown, .path)
    }
    spec.role.workingDirectory = directory
  }

  /// The caller's variables under the file's own.
  mutating func addExportedEnvironment() {
    let own = Set(spec.role.environment.map(\.name))
    var added: Set<String> = []
    for variable in context.exportedEnvironment {
      guard JobFileText.isEnvironmentName(variable.name), !variable.name.hasPrefix("MUSTER_"),
        !JobFileText.hasZero(variable.value), !own.contains(variable.name), added.insert(variable.name).inserted
      else { continue }
      spec.role.environment.append(variable)
    }
    spec.role.environment.sort { $0.name < $1.name }
    checkEnvironment(line: nil, path: "")
  }

  private mutating func checkEnvironment(line: Int?, path: String) {
    let variables = spec.role.environment
    if variables.count > JobFile.Limits.environmentEntries {
      problem(
        line, path, "environment", "\(variables.count) variables",
        .environmentEntries(limit: JobFile.Limits.environmentEntries))
    }
    var bytes = 0
    for variable in variables { bytes += variable.name.utf8.count + variable.value.utf8.count + 2 }
    if bytes > JobFile.Limits.environmentBytes {
      problem(line, path, "environment", "\(bytes) bytes", .environmentBytes(limit: JobFile.Limits.environmentBytes))
    }
  }

  /// Any YAML scalar as it was written, `null` too, and any JSON string; no zero inside (the kernel's strings end there).
  private func text(_ node: Node, emptyToo: Bool = false) -> String? {
    var text = plainText(node)
    if text == nil, let written = node.writtenText, emptyToo || !written.isEmpty { text = written }
    guard let text, !JobFileText.hasZero(text) else { return nil }
    return text
  }

  private func textRule(_ node: Node) -> JobFileRule {
    switch node.scalar {
    case .integer, .other, .null: .textNotNumber
    case .text, .plain, nil: .text
    }
  }
}
