import Foundation
import Testing

/// Rules about the sources that a compiler does not check. Each says what to do instead, and is tried on a bad sample.
@Suite struct TidyTests {
  struct Rule: Sendable, CustomStringConvertible {
    var name: String
    /// Folders below the repository that it holds for.
    var folders: [String]
    /// Breaks the rule, with the line before it.
    var breaks: @Sendable (_ line: String, _ before: String) -> Bool
    var instead: String
    var badSample: String
    var goodSample: String
    var description: String { name }
  }

  static let core = ["Sources/MusterCore", "Sources/MusterDevices"]
  static let pure = core + ["Sources/MusterInsight"]
  static let sources = ["Sources"]

  static func isCode(_ line: String) -> Bool { !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") }

  static func word(_ pattern: String) -> @Sendable (String, String) -> Bool {
    { line, _ in isCode(line) && line.range(of: pattern, options: .regularExpression) != nil }
  }

  static let rules: [Rule] = [
    Rule(
      name: "the core imports nothing", folders: core, breaks: word(#"^\s*(public |package |@\w+ )*import \w+"#),
      instead: "hand in what you need as a value", badSample: "import Foundation", goodSample: "struct Import {}"),
    Rule(
      name: "the core reads no clock, draws no chance, starts no task, prints nothing", folders: pure,
      breaks: word(
        #"\b(Date|UUID|ContinuousClock|SystemRandomNumberGenerator|Task)\b\s*[\(\{\.]|\.random\(|\bawait\b|\bprint\("#),
      instead: "time, ids and seeds come in as parameters; the host prints", badSample: "let t = Date()",
      goodSample: "let date = at"),
    Rule(
      name: "no try!, as! or forced crash", folders: sources, breaks: word(#"\btry!|\bas!|preconditionFailure\("#),
      instead: "throw an error that names field and value", badSample: "let x = try! f()", goodSample: "let x = try f()"
    ),
    Rule(
      name: "try? says why", folders: sources,
      breaks: { line, before in
        isCode(line) && line.range(of: #"\btry\?"#, options: .regularExpression) != nil && !line.contains("//")
          && !before.contains("//")
      },
      instead: "handle the error, or say in a comment why it does not matter", badSample: "try? close()",
      goodSample: "try? close()  // nothing depends on it"),
    Rule(
      name: "nothing is left for later", folders: sources + ["python", "examples"],
      breaks: { line, _ in line.range(of: #"\b(TODO|FIXME|XXX|HACK)\b"#, options: .regularExpression) != nil },
      instead: "do it now, or file an issue", badSample: "// TODO: later", goodSample: "// to do so is cheap"),
  ]

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func files(_ folder: String) -> [URL] {
    let all = FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil)
    return (all?.compactMap { $0 as? URL } ?? []).filter { ["swift", "py"].contains($0.pathExtension) }
      .sorted { $0.path < $1.path }
  }

  static func lines(_ file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
  }

  @Test("every rule holds in the sources", arguments: rules)
  func holds(rule: Rule) throws {
    for folder in rule.folders {
      let files = Self.files(folder)
      #expect(!files.isEmpty, "no sources in \(folder)")
      for file in files {
        var before = ""
        for (i, line) in try Self.lines(file).enumerated() {
          if rule.breaks(line, before) {
            Issue.record("\(file.lastPathComponent):\(i + 1): \(rule.name). Instead: \(rule.instead)\n  \(line)")
          }
          before = line
        }
      }
    }
  }

  @Test("every rule knows bad from good", arguments: rules)
  func samples(rule: Rule) {
    #expect(rule.breaks(rule.badSample, ""))
    #expect(!rule.breaks(rule.goodSample, ""))
  }

  /// Longer than the rule allows, each with its reason.
  static let longFiles: [String: String] = [:]

  @Test("no file has more than 400 lines")
  func filesAreSmall() throws {
    for file in Self.files("Sources") where Self.longFiles[file.lastPathComponent] == nil {
      let count = try Self.lines(file).count
      #expect(count <= 400, "\(file.lastPathComponent) has \(count) lines: split it by concept")
    }
  }

  /// Longer than the rule allows, each with its reason.
  static let longFunctions: [String: String] = [
    "apply": "one case a fact: the exhaustive switch is the list of them",
    "put": "one case a fact, as apply",
  ]

  @Test("no function has more than 70 lines")
  func functionsAreSmall() throws {
    for file in Self.files("Sources") where file.pathExtension == "swift" {
      for (name, length) in Self.functions(try Self.lines(file)) where Self.longFunctions[name] == nil {
        #expect(length <= 70, "\(file.lastPathComponent): \(name) has \(length) lines: give its parts names")
      }
    }
  }

  /// Functions by their indentation: from `func` to the brace that closes at the same depth.
  static func functions(_ lines: [String]) -> [(name: String, length: Int)] {
    var found: [(String, Int)] = []
    for (i, line) in lines.enumerated() {
      guard let range = line.range(of: #"^\s*[\w@ \(\)]*\b(func \w+|init\b)"#, options: .regularExpression) else {
        continue
      }
      let indent = String(line.prefix { $0 == " " })
      guard let end = lines[i...].firstIndex(where: { $0 == indent + "}" }) else { continue }
      let name = line[range].split(separator: " ").last.map(String.init) ?? ""
      found.append((name, end - i + 1))
    }
    return found
  }

  @Test("the length of a function is counted right")
  func functionLength() {
    let sample = ["struct S {", "  func long() {", "    a()", "    b()", "  }", "}"]
    #expect(Self.functions(sample).map(\.length) == [4])
  }
}
