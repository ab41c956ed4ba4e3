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

  /// Reads one YAML document; a file with nothing in it is an empty mapping. What does not stop the reading (a name used
  /// twice) is in `problems`, for the reader to report with its own. Throws what leaves no tree to look for more in: no
  /// YAML, a second document, a file that is too large.
  package static func read(yaml: String) throws(JobFileErrors) -> (document: JobDocument, problems: [JobFileProblem]) {
    let (documents, problems) = try readAll(yaml: yaml, limitBytes: limitBytes)
    if documents.count > 1 {
      throw refusal(line: documents[1].line, field: "", value: "a second document", .oneDocument)
    }
    return (documents.first ?? JobDocument(.mapping([]), line: 1), problems)
  }

  /// All documents of a file.
  static func readAll(
    yaml: String, limitBytes: Int
  ) throws(JobFileErrors) -> (documents: [JobDocument], problems: [JobFileProblem]) {
    guard yaml.utf8.count <= limitBytes else {
      throw refusal(line: nil, field: "", value: "\(yaml.utf8.count) bytes", .size(limit: limitBytes))
    }
    // Some editors begin a file in UTF-8 with a byte order mark; the library takes it for text.
    var doubles = JobFileDoubles(yaml: yaml.first == "\u{FEFF}" ? String(yaml.dropFirst()) : yaml)
    while true {
      do {
        let parser = try Parser(yaml: doubles.yaml, encoding: .utf8)
        var builder = TreeBuilder(doubles: doubles)
        var documents: [JobDocument] = []
        while let root = try parser.nextRoot() {
          documents.append(builder.build(root, path: "", depth: 0))
          if let tooLarge = builder.tooLarge { throw JobFileErrors(problems: [tooLarge]) }
        }
        // Whatever was marked must come out as a problem: a file with doubled names is never accepted.
        if doubles.count > 0, builder.problems.isEmpty {
          throw refusal(line: nil, field: "", value: "written more than once", .once(firstLine: nil))
        }
        return (documents, builder.problems)
      } catch YamlError.duplicatedKeysInMapping(_, let place)
        where doubles.markName(line: place.mark.line, column: place.mark.column)
      {
        continue
      } catch let error as YamlError {
        throw refusal(error)
      } catch let error as JobFileErrors {
        throw error
      } catch {
        throw refusal(line: nil, field: "", value: "(unreadable)", .yaml("\(error)"))
      }
    }
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
        line: context.mark.line, field: duplicates.joined(separator: ", "), value: "written more than once",
        .once(firstLine: nil))
    case .dataCouldNotBeDecoded:
      return refusal(line: nil, field: "", value: "(unreadable)", .yaml("text in UTF-8"))
    case .no, .memory, .writer, .emitter, .representer:
      return refusal(line: nil, field: "", value: "(unreadable)", .yaml("\(error)"))
    }
  }
}

/// Turns the YAML library's nodes into ours.
private struct TreeBuilder {
  let doubles: JobFileDoubles
  var problems: [JobFileProblem] = []
  /// Said once: everything deeper has the same reason.
  var tooLarge: JobFileProblem?
  var nodes = 0

  init(doubles: JobFileDoubles) { self.doubles = doubles }

  mutating func build(_ node: Node, path: String, depth: Int) -> JobDocument {
    nodes += 1
    let line = node.mark?.line
    guard nodes <= JobDocument.limitNodes, depth <= JobDocument.limitDepth else {
      tooLarge =
        tooLarge
        ?? JobFileProblem(line: line, field: "", value: "(too large)", rule: .yaml("fewer values, less deep"))
      return JobDocument(.mapping([]), line: line)
    }
    switch node {
    case .scalar(let scalar):
      let quoted = scalar.style != .plain && scalar.style != .any
      return JobDocument(.scalar(text: scalar.string, quoted: quoted), line: line)
    case .sequence(let sequence):
      let elements = sequence.enumerated().map { build($1, path: "\(path)[\($0)]", depth: depth + 1) }
      return JobDocument(.sequence(elements), line: line)
    case .mapping(let mapping): return build(mapping, path: path, line: line, depth: depth)
    case .alias:
      // The parser puts the anchored node in its place; an alias node is only ever made by hand.
      report(line, path, "an alias", .yaml("values"))
      return JobDocument(.mapping([]), line: line)
    }
  }

  /// A name that stands twice is a problem, and stays in the tree twice: each may have problems of its own.
  private mutating func build(_ mapping: Node.Mapping, path: String, line: Int?, depth: Int) -> JobDocument {
    var members: [JobDocument.Member] = []
    var lines: [String: Int] = [:]
    for (key, value) in mapping {
      guard case .scalar(let written) = key else {
        report(key.mark?.line, path, "a list or mapping as a name", .fieldName)
        continue
      }
      let name = doubles.original(written.string)
      let field = path.isEmpty ? name : "\(path).\(name)"
      let built = build(value, path: field, depth: depth + 1)
      if let first = lines[name] {
        report(key.mark?.line, field, built.shown, .once(firstLine: first))
      } else {
        lines[name] = key.mark?.line ?? 0
      }
      members.append(JobDocument.Member(name: name, line: key.mark?.line, value: built))
    }
    return JobDocument(.mapping(members), line: line)
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

  var writtenText: String? {
    if case .scalar(let text, _) = content { return text }
    return nil
  }

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
