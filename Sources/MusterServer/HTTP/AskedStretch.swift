import Hummingbird
import MusterCore

/// A stretch of time, and maybe a project, that a request asks about: `from`, `to` and `project`.
struct AskedStretch: Sendable {
  /// Milliseconds since 1970.
  private(set) var from: Int64?
  private(set) var to: Int64?
  private(set) var project: String?
  private let texts: (from: String, to: String)

  /// - Throws: `invalid` for what is no moment, and for an end that is not after the beginning.
  init(_ request: Request) throws(APIError) {
    let query = request.uri.queryParameters
    texts = (String(query["from"] ?? ""), String(query["to"] ?? ""))
    from = try API.moment(request, "from").map { $0.nanoseconds / 1_000_000 }
    to = try API.moment(request, "to").map { $0.nanoseconds / 1_000_000 }
    project = query["project"].map(String.init)
    if let from, let to, to <= from { throw .invalid("to", texts.to, "a moment after from") }
  }

  /// - Throws: `invalid` where nothing can have happened in it: it is still to come, or lies before the first fact.
  func check(_ ledger: borrowing Ledger, now: Instant) throws(APIError) {
    if let from, from >= now.nanoseconds / 1_000_000 {
      throw .invalid("from", texts.from, "a moment before now, \(now.rfc3339): nothing has happened after it")
    }
    if let to, ledger.begin > 0, to <= ledger.begin {
      throw .invalid(
        "to", texts.to, "a moment after \(Instant.at(ledger.begin).rfc3339): nothing is known of what was before")
    }
  }
}

extension Ledger {
  /// In `names`; -1 of a project that is declared and has had no job; nil: of all projects.
  /// - Throws: `notFound` for one that neither the policy nor any job names, with those that there are.
  func number(ofProject name: String?, _ cluster: borrowing Cluster) throws(APIError) -> Int32? {
    guard let name else { return nil }
    let used = Set(jobs.map(\.project))
    if let number = used.first(where: { names[Int($0)] == name }) { return number }
    let declared = cluster.policy.projects.map(\.name)
    guard !declared.contains(name) else { return -1 }
    let known = Set(used.map { names[Int($0)] }).union(declared).sorted()
    let shown = known.prefix(20).joined(separator: ", ") + (known.count > 20 ? " and \(known.count - 20) more" : "")
    throw .notFound(
      "there is no project \"\(name)\"",
      known.isEmpty ? "no policy declares a project, and no job has been submitted" : "there are: \(shown)")
  }
}

extension API {
  /// As `ledger`, where what is asked for can turn out to be wrong.
  func checkedLedger<T: Sendable>(
    upTo sequence: Int64, now: Instant,
    _ body: @escaping @Sendable (borrowing Ledger, borrowing Cluster) throws(APIError) -> T
  ) async throws(APIError) -> T {
    let found = try await ledger(upTo: sequence, now: now) { ledger, cluster -> Result<T, APIError> in
      do throws(APIError) { return .success(try body(ledger, cluster)) } catch { return .failure(error) }
    }
    return try found.get()
  }
}
