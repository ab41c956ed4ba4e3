import ArgumentParser
import MusterClient
import MusterCore
import MusterProtocol

struct SubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit", abstract: "Submit jobs from files.",
    discussion: """
      All files are checked first: nothing is submitted if one of them is wrong. Options that ask for a place or a time \
      take the place of the files' own.
      """)

  @Argument(help: "Job files in YAML or JSON; - is standard input.", completion: .file(extensions: ["yaml", "yml"]))
  var files: [String]

  @Flag(help: "Add the caller's environment under the file's (never MUSTER_*).")
  var exportEnv = false

  @Option(
    help: ArgumentHelp(
      "Submitting again with the same key within a day gives the same jobs (default: a new key).", valueName: "key"))
  var idempotencyKey: String?

  @OptionGroup var wishes: WishOptions

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    let overrides = wishes.fields()
    var specs: [JSON] = []
    var problems: [CommandFailure] = []
    for file in files {
      do {
        specs.append(
          try Submission.read(file: file, exportsEnvironment: exportEnv, overrides: overrides) {
            try ConnectionOptions.clock(client)
          }.json)
      } catch let failure as CommandFailure {
        problems.append(failure)
      }
    }
    if let first = problems.first {
      Terminal.error(connection.json ? ErrorText.json(problems) : problems.map { ErrorText.text($0) }.joined())
      throw CommandFailure.silent(code: first.exitCode)
    }
    let body = specs.count == 1 ? specs[0] : JSON.array(specs)
    let answer = try Submission.send(body, key: idempotencyKey, client: client)
    connection.show(answer) { _ in
      (answer.arrayValue ?? [answer]).map { job in
        let id = job.shown("id")
        guard let tasks = job["tasks"]?.intValue else {
          return "Job \(id) submitted. Follow it with: muster logs \(id) -f\n"
        }
        return
          "Array \(id) submitted, \(tasks == 1 ? "1 task" : "\(tasks) tasks"). See one with: muster job \(id)_INDEX\n"
      }.joined()
    }
  }
}

/// From a file to the controller.
enum Submission {
  /// - Parameters:
  ///   - overrides: fields that take the place of the file's own.
  ///   - clock: the controller's, asked where `begin: now+2h` counts from it: of a pretend fleet it runs ahead.
  /// - Throws: `CommandFailure` for what is wrong with the file, and what `clock` throws.
  static func read(
    file: String, exportsEnvironment: Bool, overrides: [JSON.Member] = [], clock: () throws -> Instant
  ) throws -> JobRequest {
    guard let bytes = FileBytes.read(file, limit: JobDocument.limitBytes + 1) else {
      throw CommandFailure.unreadableFile(file)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let isAsked = text.contains("now+") || overrides.contains { $0.value.stringValue?.hasPrefix("now+") == true }
    let now = isAsked ? try clock() : CallerContext.now
    let context = CallerContext.submission(
      exportsEnvironment: exportsEnvironment, defaultName: name(of: file), now: now)
    switch JobFile.read(yaml: text, context: context) {
    case .failure(let errors): throw CommandFailure.wrongJob(file: file, errors)
    case .success(let request):
      guard !overrides.isEmpty, case .object(let members) = request.json else { return request }
      let kept = members.filter { member in !overrides.contains { $0.name == member.name } }
      let whole = CallerContext.submission(exportsEnvironment: false, defaultName: nil, now: now)
      switch JobFile.read(json: .object(kept + overrides), context: whole) {
      case .success(let request): return request
      case .failure(let errors): throw CommandFailure.wrongJob(file: "", errors)
      }
    }
  }

  /// The file's name without its folder and ending; nil for standard input.
  private static func name(of file: String) -> String? {
    guard file != "-", let last = file.split(separator: "/").last else { return nil }
    guard let dot = last.lastIndex(of: "."), dot > last.startIndex else { return String(last) }
    return String(last[..<dot])
  }

  /// With a key, so that it may be asked again if the answer is lost.
  static func send(_ body: JSON, key: String?, client: Client) throws(ClientError) -> JSON {
    try client.post("/v1/jobs", body, headers: [HTTPHeader("Idempotency-Key", key ?? newKey())])
  }

  private static func newKey() -> String {
    String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
  }
}
