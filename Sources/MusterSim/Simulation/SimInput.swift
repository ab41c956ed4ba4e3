import MusterCore
import MusterProtocol

/// One thing wrong in what a simulation was given.
public struct InputProblem: Error, Hashable, Sendable {
  /// From 1; nil where there is none.
  public var line: Int?
  public var field: String
  public var value: String
  public var allowed: String

  public init(line: Int? = nil, field: String, value: String, allowed: String) {
    self.line = line
    self.field = field
    self.value = value
    self.allowed = allowed
  }

  public func message(file: String) -> String {
    JobFileProblem.message(file: file, line: line, field: field, value: value, allowed: allowed)
  }
}

/// Everything wrong in one file.
public struct InputErrors: Error, Hashable, Sendable {
  public var problems: [InputProblem]

  public init(_ problems: [InputProblem]) { self.problems = problems }

  public func message(file: String) -> String { problems.map { $0.message(file: file) }.joined(separator: "\n") }
}

/// Reads the mappings of a YAML file and collects what is wrong in them.
struct FieldReader {
  var problems: [InputProblem] = []
  static let spanRule = "a length of time with its unit, e.g. 90s, 15m, 1h30m or 2d"

  static func document(_ bytes: [UInt8]) throws(InputErrors) -> JobDocument {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputErrors([InputProblem(field: "", value: "(unreadable)", allowed: "text in UTF-8")])
    }
    do throws(JobFileErrors) {
      let (document, problems) = try JobDocument.read(yaml: text)
      guard problems.isEmpty else { throw JobFileErrors(problems: problems) }
      return document
    } catch {
      throw InputErrors(
        error.problems.map {
          InputProblem(line: $0.line, field: $0.field, value: $0.value, allowed: $0.rule.allowed)
        })
    }
  }

  /// The members of a mapping by name; other names than the known ones are problems.
  mutating func members(_ document: JobDocument, _ path: String, known: [String]) -> [String: JobDocument] {
    guard case .mapping(let members) = document.content else {
      report(document, path, "fields: \(known.joined(separator: ", "))")
      return [:]
    }
    var found: [String: JobDocument] = [:]
    for member in members {
      if known.contains(member.name) {
        found[member.name] = member.value
      } else {
        let field = path.isEmpty ? member.name : "\(path).\(member.name)"
        problems.append(
          InputProblem(
            line: member.line, field: field, value: "unknown field", allowed: known.joined(separator: ", ")))
      }
    }
    return found
  }

  mutating func integer(_ document: JobDocument?, _ field: String, _ range: ClosedRange<Int64>) -> Int64? {
    guard let document else { return nil }
    if case .scalar(let text, false) = document.content, let number = Int64(text), range.contains(number) {
      return number
    }
    report(document, field, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  mutating func text(_ document: JobDocument?, _ field: String) -> String? {
    guard let document else { return nil }
    if case .scalar(let text, _) = document.content, !text.isEmpty { return text }
    report(document, field, "a text")
    return nil
  }

  mutating func flag(_ document: JobDocument?, _ field: String) -> Bool? {
    guard let document else { return nil }
    switch document.content {
    case .scalar("true", false): return true
    case .scalar("false", false): return false
    case .scalar, .mapping, .sequence:
      report(document, field, "true or false")
      return nil
    }
  }

  mutating func elements(_ document: JobDocument?, _ field: String, of what: String) -> [JobDocument]? {
    guard let document else { return nil }
    if case .sequence(let elements) = document.content, !elements.isEmpty { return elements }
    report(document, field, "a list of \(what)")
    return nil
  }

  /// In milliseconds.
  mutating func span(_ document: JobDocument, _ field: String) -> Int64? {
    if case .scalar(let text, _) = document.content, let span = JobFile.span(text) {
      return span.milliseconds
    }
    report(document, field, Self.spanRule)
    return nil
  }

  mutating func missing(_ field: String, _ allowed: String) {
    problems.append(InputProblem(field: field, value: "(missing)", allowed: allowed))
  }

  mutating func report(_ document: JobDocument, _ field: String, _ allowed: String) {
    let value =
      switch document.content {
      case .scalar(let text, _): text.isEmpty ? "(nothing)" : String(text.prefix(60))
      case .mapping: "{...}"
      case .sequence: "[...]"
      }
    problems.append(InputProblem(line: document.line, field: field, value: value, allowed: allowed))
  }

  func check() throws(InputErrors) {
    guard problems.isEmpty else { throw InputErrors(problems) }
  }
}
