import MusterInsight
import MusterProtocol

/// What waste is listed by.
enum WasteKey: String, CaseIterable, Sendable {
  case job, project, user
}

/// Money of several jobs. Without a price for all, or in several currencies, there is no sum.
struct Money: Sendable {
  private(set) var currency: String?
  private(set) var amount = 0.0
  private var isWhole = true

  mutating func add(_ gpuHours: Double, _ quote: PriceBook.Quote?) {
    guard gpuHours > 0 else { return }
    guard let quote, currency == nil || currency == quote.currency else {
      isWhole = false
      return
    }
    currency = quote.currency
    amount += gpuHours * quote.price
  }

  var json: JSON {
    guard isWhole, let currency else { return .null }
    return ["amount": .money(amount), "currency": .string(currency)]
  }
}

/// Findings of many jobs by job, project or user: who loses most stands first.
struct WasteView {
  private struct Row {
    var members: [JSON.Member]
    var held = 0.0
    var wasted = 0.0
    var wastedAWeek = 0.0
    var cost = Money()
    var costAWeek = Money()
    var jobs = 0
    /// Of the job alone, or of several by kind.
    var findings: [JSON] = []
    var kinds: [Finding.Kind: Kind] = [:]
  }

  private struct Kind {
    var gpuHours = 0.0
    var jobs = 0
    /// The job that it cost most, and what is said of it.
    var worst: (gpuHours: Double, job: Int64, sentence: String) = (-1, 0, "")
  }

  let key: WasteKey
  private var rows: [String: Row] = [:]
  private var all = Row(members: [])

  init(by key: WasteKey) { self.key = key }

  mutating func add(_ view: EfficiencyView) {
    let (basis, findings, quote) = (view.basis, view.findings, view.quote)
    let name: String
    let members: [JSON.Member]
    switch key {
    case .job:
      name = String(basis.id)
      members = [
        .init(name: "key", value: .int(basis.id)), .init(name: "name", value: .string(basis.name)),
        .init(name: "project", value: .string(basis.project)), .init(name: "user", value: .string(basis.user)),
        .init(name: "state", value: basis.state.map { .string("\($0)") } ?? .null),
        .init(name: "devices", value: JSON(basis.evidence.devicesAsked)),
        .init(name: "deviceType", value: .string(basis.evidence.deviceType)),
        .init(name: "mfu", value: .object(basis.evidence.mfuMembers)),
      ]
    case .project, .user:
      name = key == .project ? basis.project : basis.user
      members = [.init(name: "key", value: .string(name))]
    }
    Self.add(basis, findings, quote, to: &rows[name, default: Row(members: members)])
    Self.add(basis, findings, quote, to: &all)
    if key == .job { rows[name]?.findings = findings.map { $0.json(quote) } }
  }

  private static func add(
    _ basis: JobBasis, _ findings: [Finding], _ quote: PriceBook.Quote?, to row: inout Row
  ) {
    row.held += basis.evidence.gpuHoursHeld
    row.jobs += 1
    for finding in findings {
      row.wasted += finding.gpuHours
      row.wastedAWeek += finding.gpuHoursAWeek
      row.cost.add(finding.gpuHours, quote)
      row.costAWeek.add(finding.gpuHoursAWeek, quote)
      var kind = row.kinds[finding.kind, default: Kind()]
      kind.gpuHours += finding.gpuHours
      kind.jobs += 1
      if finding.gpuHours > kind.worst.gpuHours { kind.worst = (finding.gpuHours, basis.id, finding.sentence) }
      row.kinds[finding.kind] = kind
    }
  }

  /// Rows from a place on, from 0, at most so many.
  func members(after: Int, limit: Int) -> [JSON.Member] {
    let sorted = rows.filter { !$0.value.kinds.isEmpty }.sorted { a, b in
      a.value.wasted != b.value.wasted
        ? a.value.wasted > b.value.wasted : (a.key.count, a.key) < (b.key.count, b.key)
    }
    let shown = sorted.dropFirst(after).prefix(limit)
    let next = after + shown.count
    return [
      .init(name: "all", value: .object(Self.sums(all) + [.init(name: "kinds", value: Self.kinds(all))])),
      .init(name: "rows", value: .array(shown.map { json($0.value) })),
      .init(name: "next", value: next < sorted.count ? JSON(next) : .null),
    ]
  }

  private func json(_ row: Row) -> JSON {
    let what: JSON.Member =
      key == .job
      ? .init(name: "findings", value: .array(row.findings)) : .init(name: "kinds", value: Self.kinds(row))
    return .object(row.members + Self.sums(row) + [what])
  }

  private static func sums(_ row: Row) -> [JSON.Member] {
    [
      .init(name: "jobs", value: JSON(row.jobs)), .init(name: "gpuHoursHeld", value: .rounded(row.held)),
      .init(name: "gpuHoursWasted", value: .rounded(row.wasted)),
      .init(name: "gpuHoursAWeek", value: .rounded(row.wastedAWeek)), .init(name: "cost", value: row.cost.json),
      .init(name: "costAWeek", value: row.costAWeek.json),
    ]
  }

  private static func kinds(_ row: Row) -> JSON {
    let sorted = Finding.Kind.allCases.compactMap { kind in row.kinds[kind].map { (kind, $0) } }
      .enumerated().sorted { ($1.element.1.gpuHours, $0.offset) < ($0.element.1.gpuHours, $1.offset) }.map(\.element)
    return .array(
      sorted.map { kind, found in
        [
          "kind": .string(kind.rawValue), "gpuHours": .rounded(found.gpuHours), "jobs": JSON(found.jobs),
          "worstJob": .int(found.worst.job), "sentence": .string(found.worst.sentence),
        ]
      })
  }
}
