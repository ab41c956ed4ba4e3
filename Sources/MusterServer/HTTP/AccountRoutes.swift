import Hummingbird
import MusterCore
import MusterProtocol

extension Follower {
  /// All GPU time that there was, for `/metrics`.
  func gpuTime(upTo writer: Writer) async throws -> [AccountedTime] {
    let (sequence, now) = try await writer.read { ($0.controller.cluster.sequence, $0.now) }
    return try await ledger(upTo: sequence, now: now) { ledger, cluster in
      let totals = ledger.sums(by: .type, from: nil, to: nil, cluster).fleet.totals
      return Account.allCases.map { AccountedTime(account: $0.name, gpuMilliseconds: totals[$0]) }
    }
  }
}

extension API {
  static let accountRows = 10_000
  static let restatementRows = 100

  /// Where GPU time went, from the durable journal, up to everything that had happened when it was asked.
  func accounts(_ request: Request) async throws -> Response {
    let query = request.uri.queryParameters
    let name = query["by"].map(String.init) ?? LedgerKey.project.rawValue
    guard let key = LedgerKey(rawValue: name) else {
      throw APIError.invalid("by", name, LedgerKey.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let asked = try AskedStretch(request)
    let limit = Int(
      try API.number(request, "limit", default: Int64(API.accountRows), in: 1...Int64(API.accountRows)))
    let after = try API.number(request, "after", default: -2, in: -2...Int64.max)
    let (sequence, now) = try await writer.read { ($0.controller.cluster.sequence, $0.now) }
    let view = try await checkedLedger(upTo: sequence, now: now) { ledger, cluster throws(APIError) in
      try asked.check(ledger, now: now)
      let sums = ledger.sums(by: key, from: asked.from, to: asked.to, cluster)
      return AccountsView(sums, key: key, after: after, limit: limit, ledger, cluster)
    }
    return Response(json: view.json)
  }

  func ledger<T: Sendable>(
    upTo sequence: Int64, now: Instant, _ body: @Sendable (borrowing Ledger, borrowing Cluster) -> T
  ) async throws(APIError) -> T {
    do {
      return try await follower.ledger(upTo: sequence, now: now, body)
    } catch {
      throw APIError(
        status: .serviceUnavailable, code: "notReady", message: "the journal cannot be read for accounts: \(error)",
        remedy: "the controller's log says more; jobs that run are not affected", retryAfterSeconds: 30)
    }
  }

  static func moment(_ request: Request, _ name: String) throws(APIError) -> Instant? {
    guard let text = request.uri.queryParameters[Substring(name)].map(String.init) else { return nil }
    guard let moment = Moment.parse(text), moment.nanoseconds >= 0 else {
      throw .invalid(name, text, "a moment with its zone, e.g. 2026-12-01T08:00:00Z")
    }
    return moment
  }
}
