/// One thing wrong in a job file.
public struct JobFileProblem: Hashable, Sendable {
  /// From 1; nil where the source has no lines (JSON) or the thing is missing.
  public var line: Int?
  /// The whole path, e.g. `roles.main.nodes` or `command[2]`; empty for the file itself.
  public var field: String
  /// As written, on one line and at most 60 characters; `(missing)` where there is none.
  public var value: String
  public var rule: JobFileRule

  public init(line: Int?, field: String, value: String, rule: JobFileRule) {
    self.line = line
    self.field = field
    self.value = value
    self.rule = rule
  }

  /// A member of `problems` in an answer of the API.
  public var json: JSON {
    var members: [JSON.Member] = []
    if let line { members.append(JSON.Member(name: "line", value: .int(Int64(line)))) }
    members.append(JSON.Member(name: "field", value: .string(field)))
    members.append(JSON.Member(name: "value", value: .string(value)))
    members.append(JSON.Member(name: "allowed", value: .string(rule.allowed)))
    return .object(members)
  }

  /// One line for people. `file` is the file's name, or empty.
  public func message(file: String) -> String {
    Self.message(file: file, line: line, field: field, value: value, allowed: rule.allowed)
  }

  /// The same line from what the wire carries.
  public static func message(file: String, line: Int?, field: String, value: String, allowed: String) -> String {
    var place = file
    if let line { place += place.isEmpty ? "line \(line)" : ":\(line)" }
    if !place.isEmpty { place += ": " }
    if !field.isEmpty { place += field + ": " }
    return "\(place)\(value) (allowed: \(allowed))"
  }
}

/// Everything wrong in one job file, in the order of its lines.
public struct JobFileErrors: Error, Hashable, Sendable {
  public var problems: [JobFileProblem]

  public init(problems: [JobFileProblem]) { self.problems = problems }

  /// One line a problem.
  public func message(file: String) -> String {
    problems.map { $0.message(file: file) }.joined(separator: "\n")
  }
}
