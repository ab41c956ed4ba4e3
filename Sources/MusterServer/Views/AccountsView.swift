import MusterCore
import MusterProtocol

/// Accounts as clients read them: GPU-milliseconds, integers.
struct AccountsView {
  let sums: LedgerSums
  let key: LedgerKey
  /// Rows with a greater key, at most so many.
  let after: Int64
  let limit: Int

  func json(_ ledger: borrowing Ledger, _ cluster: borrowing Cluster) -> JSON {
    let left = sums.rows.drop { $0.key <= after }
    let shown = left.prefix(limit)
    var rows: [JSON] = []
    for row in shown { rows.append(.object(name(row, ledger, cluster) + Self.members(row))) }
    let within = ledger.restatements.filter { $0.at > sums.from && $0.at <= sums.to }
    return [
      "by": .string(key.rawValue), "from": .moment(sums.from), "to": .moment(sums.to), "asOf": .moment(sums.asOf),
      "capacityGpuMilliseconds": .int(sums.capacity), "accountedGpuMilliseconds": .int(sums.fleet.totals.sum),
      "fleet": .object(Self.members(sums.fleet)), "rows": .array(rows),
      "next": left.count > shown.count ? shown.last.map { .int($0.key) } ?? .null : .null,
      "restatements": .array(within.suffix(API.restatementRows).map(Self.json)),
    ]
  }

  private func name(
    _ row: LedgerRow, _ ledger: borrowing Ledger, _ cluster: borrowing Cluster
  ) -> [JSON.Member] {
    guard row.key >= 0 else { return [.init(name: "key", value: .null)] }
    switch key {
    case .job:
      var members = [JSON.Member(name: "key", value: .int(row.key))]
      if let slot = cluster.slot(of: JobID(row.key)) {
        members.append(.init(name: "name", value: .string(cluster.spec(slot).name)))
        members.append(.init(name: "state", value: .string("\(cluster.job(slot).state)")))
      }
      let job = ledger.jobs[Int(row.key) - 1]
      members.append(.init(name: "project", value: .string(ledger.names[Int(job.project)])))
      members.append(.init(name: "user", value: .string(ledger.names[Int(job.user)])))
      return members
    case .project, .user: return [.init(name: "key", value: .string(ledger.names[Int(row.key)]))]
    case .type: return [.init(name: "key", value: .string(ledger.types[Int(row.key)]))]
    case .day:
      return [.init(name: "key", value: .string(String(Instant.at(row.key * 86_400_000).rfc3339.prefix(10))))]
    }
  }

  private static func members(_ row: LedgerRow) -> [JSON.Member] {
    [
      .init(
        name: "gpuMilliseconds",
        value: .object(Account.allCases.map { .init(name: $0.name, value: .int(row.totals[$0])) })),
      .init(name: "provisionalGpuMilliseconds", value: .int(row.provisional)),
      .init(name: "goodput", value: row.totals.goodput.map { .double(($0 * 10_000).rounded() / 10_000) } ?? .null),
    ]
  }

  private static func json(_ restated: Restatement) -> JSON {
    [
      "at": .moment(restated.at), "job": .int(restated.job), "attempt": JSON(restated.attempt),
      "from": .string(Account.productive.name), "to": .string(restated.account.name),
      "workFrom": .moment(restated.from), "workTo": .moment(restated.to),
      "gpuMilliseconds": .int(restated.gpuMilliseconds),
    ]
  }
}

extension Instant {
  static func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
}

extension JSON {
  static func moment(_ milliseconds: Int64) -> JSON { .string(Instant.at(milliseconds).rfc3339) }
}
