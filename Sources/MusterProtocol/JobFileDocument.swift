import Yams

/// A job file as a tree of texts, before anything is known about its fields: `no` and `1:30:00` stay what was written.
public struct JobDocument: Hashable, Sendable {
  public indirect enum Content: Hashable, Sendable {
    case scalar(text: String, quoted: Bool)
    case mapping([Member])
    case sequence([JobDocument])
  }

  public struct Member: Hashable, Sendable {
    public var name: String
    /// Where the name stands, from 1.
    public var line: Int?
    public var value: JobDocument

    public init(name: String, line: Int?, value: JobDocument) {
      self.name = name
      self.line = line
      self.value = value
    }
  }

  public var content: Content
  /// From 1.
  public var line: Int?

  public init(_ content: Content, line: Int? = nil) {
    self.content = content
    self.line = line
  }

  /// The longest file that is read.
  public static let limitBytes = 1 << 20
  /// Aliases can make a small file a huge tree: more nodes than this are refused.
  static let limitNodes = 200_000
  static let limitDepth = 32

  /// Reads one YAML document. A file with nothing in it is an empty mapping. What cannot be read as YAML, a second
  /// document and a name used twice are reported alone: there is no tree to look for more in.
  public static func parse(yaml: String) throws(JobFileErrors) -> JobDocument {
    guard yaml.utf8.count <= limitBytes else {
      throw refusal(line: nil, field: "", value: "\(yaml.utf8.count) bytes", .size(limit: limitBytes))
    }
    let root: Node?
    do {
      let parser = try Parser(yaml: yaml, encoding: .utf8)
      root = try parser.nextRoot()
      if let second = try parser.nextRoot() {
        throw refusal(line: second.mark?.line, field: "", value: "a second document", .oneDocument)
      }
    } catch let error as YamlError {
      throw refusal(error)
    } catch let error as JobFileErrors {
      throw error
    } catch {
      throw refusal(line: nil, field: "", value: "(unreadable)", .yaml("\(error)"))
    }
    guard let root else { return JobDocument(.mapping([])) }
    var builder = TreeBuilder()
    let document = builder.build(root, depth: 0)
    guard builder.problems.isEmpty else { throw JobFileErrors(problems: builder.problems) }
    return document
  }

  static func refusal(line: Int?, field: String, value: String, _ rule: JobFileRule) -> JobFileErrors {
    JobFileErrors(problems: [JobFileProblem(line: line, field: field, value: value, rule: rule)])
  }

  private static func refusal(_ error: YamlError) -> JobFileErrors {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let around = context.map { $0.text + ": " } ?? ""
      return refusal(line: mark.line, field: "", value: "(unreadable)", .yaml(around + problem))
    case .reader(let problem, _, _, _):
      return refusal(line: nil, field: "", value: "(unreadable)", .yaml(problem))
    case .duplicatedKeysInMapping(let duplicates, let context):
      return refusal(
        line: context.mark.line, field: duplicates.joined(separator: ", "), value: "written more than once", .once)
    case .dataCouldNotBeDecoded:
      return refusal(line: nil, field: "", value: "(unreadable)", .yaml("text in UTF-8"))
    case .no, .memory, .writer, .emitter, .representer:
      return refusal(line: nil, field: "", value: "(unreadable)", .yaml("\(error)"))
    }
  }
}

/// Turns the YAML library's nodes into ours.
private struct TreeBuilder {
  var problems: [JobFileProblem] = []
  var nodes = 0

  mutating func build(_ node: Node, depth: Int) -> JobDocument {
    nodes += 1
    let line = node.mark?.line
    guard nodes <= JobDocument.limitNodes, depth <= JobDocument.limitDepth else {
      // Said once: everything deeper has the same reason.
      if problems.isEmpty { report(line, "", "(too large)", .yaml("fewer values, less deep")) }
      return JobDocument(.mapping([]), line: line)
    }
    switch node {
    case .scalar(let scalar):
      let quoted = scalar.style != .plain && scalar.style != .any
      return JobDocument(.scalar(text: scalar.string, quoted: quoted), line: line)
    case .sequence(let sequence):
      return JobDocument(.sequence(sequence.map { build($0, depth: depth + 1) }), line: line)
    case .mapping(let mapping):
      var members: [JobDocument.Member] = []
      var names: Set<String> = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          report(key.mark?.line, "", "a list or mapping as a name", .fieldName)
          continue
        }
        guard names.insert(name.string).inserted else {
          report(key.mark?.line, name.string, "written more than once", .once)
          continue
        }
        members.append(
          JobDocument.Member(name: name.string, line: key.mark?.line, value: build(value, depth: depth + 1)))
      }
      return JobDocument(.mapping(members), line: line)
    case .alias:
      // The parser puts the anchored node in its place; an alias node is only ever made by hand.
      report(line, "", "an alias", .yaml("values"))
      return JobDocument(.mapping([]), line: line)
    }
  }

  private mutating func report(_ line: Int?, _ field: String, _ value: String, _ rule: JobFileRule) {
    problems.append(JobFileProblem(line: line, field: field, value: value, rule: rule))
  }
}

extension JobDocument: JobFileNode {
  var scalar: JobFileScalar? {
    guard case .scalar(let text, let quoted) = content else { return nil }
    if quoted { return .text(text) }
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    default: return .plain(text)
    }
  }

  var isEmptyPlain: Bool { content == .scalar(text: "", quoted: false) }

  var elements: [JobDocument]? {
    if case .sequence(let elements) = content { return elements }
    return nil
  }

  var members: [Member]? {
    if case .mapping(let members) = content { return members }
    return nil
  }
}

extension JobDocument.Member: JobFileMember {}
