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

/// What waste is told from.
struct WasteBasis: Sendable {
  var jobs: [JobBasis]
  var leftOut: Int
  /// Milliseconds since 1970; nil: from the first fact on.
  var from: Int64?
  var to: Int64
  /// In UTC, as the price book's days.
  var day: String

  func json(by key: WasteKey, _ beside: BesideLedger, _ efficiency: Efficiency, after: Int, limit: Int) -> JSON {
    var waste = WasteView(by: key)
    for job in jobs { waste.add(beside.view(job, efficiency, day: day)) }
    return .object(
      [
        .init(name: "by", value: .string(key.rawValue)), .init(name: "from", value: from.map(JSON.moment) ?? .null),
        .init(name: "to", value: .moment(to)), .init(name: "hasPrices", value: .bool(!efficiency.prices.isEmpty)),
        .init(name: "jobsLeftOut", value: JSON(leftOut)),
      ] + waste.members(after: after, limit: limit))
  }
}

/// Findings of many jobs by job, project or user: who loses most stands first.
struct WasteView {
  private struct Row {
    var held = 0.0
    var wasted = 0.0
    var wastedAWeek = 0.0
    var cost = Money()
    var costAWeek = Money()
    var jobs = 0
    var kinds: [Finding.Kind: Kind] = [:]
    /// Of a job alone. Told only if the row is on the page that was asked for.
    var job: (basis: JobBasis, findings: [Finding], quote: PriceBook.Quote?)?
  }

  private struct Kind {
    var gpuHours = 0.0
    var jobs = 0
    /// The job that it cost most, and what is said of it.
    var worst: (gpuHours: Double, job: Int64, sentence: String) = (-1, 0, "")
  }

  let key: WasteKey
  private var rows: [String: Row] = [:]
  private var all = Row()

  init(by key: WasteKey) { self.key = key }

  mutating func add(_ view: EfficiencyView) {
    let (basis, findings, quote) = (view.basis, view.findings, view.quote)
    Self.add(basis, findings, quote, to: &all)
    switch key {
    case .project: Self.add(basis, findings, quote, to: &rows[basis.project, default: Row()])
    case .user: Self.add(basis, findings, quote, to: &rows[basis.user, default: Row()])
    case .job:
      // A job without findings has no row.
      guard !findings.isEmpty else { return }
      var row = Row()
      Self.add(basis, findings, quote, to: &row)
      row.job = (basis, findings, quote)
      rows[String(basis.id)] = row
    }
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
    let sorted = rows.filter { !$0.value.kinds.isEmpty }.map { (name: $0.key, wasted: $0.value.wasted) }
      .sorted { a, b in
        a.wasted != b.wasted ? a.wasted > b.wasted : (a.name.count, a.name) < (b.name.count, b.name)
      }
    let shown = sorted.dropFirst(after).prefix(limit)
    let next = after + shown.count
    return [
      .init(name: "all", value: .object(Self.sums(all) + [.init(name: "kinds", value: Self.kinds(all))])),
      .init(name: "rows", value: .array(shown.compactMap { row in rows[row.name].map { Self.json(row.name, $0) } })),
      .init(name: "next", value: next < sorted.count ? JSON(next) : .null),
    ]
  }

  private static func json(_ name: String, _ row: Row) -> JSON {
    guard let (basis, findings, quote) = row.job else {
      return .object(
        [.init(name: "key", value: .string(name))] + sums(row) + [.init(name: "kinds", value: kinds(row))])
    }
    let members: [JSON.Member] = [
      .init(name: "key", value: .int(basis.id)), .init(name: "name", value: .string(basis.name)),
      .init(name: "project", value: .string(basis.project)), .init(name: "user", value: .string(basis.user)),
      .init(name: "state", value: basis.state.map { .string("\($0)") } ?? .null),
      .init(name: "devices", value: JSON(basis.evidence.devicesAsked)),
      .init(name: "deviceType", value: .string(basis.evidence.deviceType)),
      .init(name: "mfu", value: .object(basis.evidence.mfuMembers)),
    ]
    return .object(
      members + sums(row) + [.init(name: "findings", value: .array(findings.map { $0.json(quote) }))])
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
