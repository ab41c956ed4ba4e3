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
    let waste = WasteView(by: key, of: jobs, beside, efficiency, day: day)
    return .object(
      [
        .init(name: "by", value: .string(key.rawValue)), .init(name: "from", value: from.map(JSON.moment) ?? .null),
        .init(name: "to", value: .moment(to)), .init(name: "hasPrices", value: .bool(!efficiency.prices.isEmpty)),
        .init(name: "jobsLeftOut", value: JSON(leftOut)),
      ] + waste.members(after: after, limit: limit))
  }
}

/// Findings of many jobs by job, project or user: who loses most stands first. What they cost is added up of all; put into
/// words are only those that are told.
struct WasteView {
  private struct Row {
    var held = 0.0
    var wasted = 0.0
    var wastedAWeek = 0.0
    var cost = Money()
    var costAWeek = Money()
    var jobs = 0
    var kinds: [Finding.Kind: Kind] = [:]
  }

  private struct Kind {
    var gpuHours = 0.0
    var jobs = 0
    /// The job that it cost most, by its place.
    var worst: (gpuHours: Double, place: Int) = (-1, 0)

    mutating func add(_ gpuHours: Double, of place: Int) {
      self.gpuHours += gpuHours
      jobs += 1
      if gpuHours > worst.gpuHours { worst = (gpuHours, place) }
    }
  }

  let key: WasteKey
  private let bases: [JobBasis]
  private let beside: BesideLedger
  private let efficiency: Efficiency
  private let day: String
  /// By project or user.
  private var rows: [String: Row] = [:]
  /// By job: those with findings.
  private var jobs: [(place: Int, id: Int64, wasted: Double)] = []
  private var all = Row()
  /// By device type: prices are found by words.
  private var quotes: [String: PriceBook.Quote?] = [:]

  init(by key: WasteKey, of bases: [JobBasis], _ beside: BesideLedger, _ efficiency: Efficiency, day: String) {
    (self.key, self.bases, self.beside, self.efficiency, self.day) = (key, bases, beside, efficiency, day)
    for place in bases.indices { add(place) }
  }

  /// One of those that are told.
  private func view(_ place: Int) -> EfficiencyView { beside.view(bases[place], efficiency, day: day) }

  private mutating func add(_ place: Int) {
    let evidence = beside.evidence(of: bases[place])
    let findings = Insight.findings(evidence, efficiency.thresholds, isInWords: false)
    let (held, quote) = (evidence.gpuHoursHeld, quote(evidence))
    Self.add(place, held, findings, quote, to: &all)
    switch key {
    case .project: Self.add(place, held, findings, quote, to: &rows[bases[place].project, default: Row()])
    case .user: Self.add(place, held, findings, quote, to: &rows[bases[place].user, default: Row()])
    case .job:
      // A job without findings has no row.
      guard !findings.isEmpty else { return }
      jobs.append((place, bases[place].id, findings.reduce(0) { $0 + $1.gpuHours }))
    }
  }

  private mutating func quote(_ evidence: JobEvidence) -> PriceBook.Quote? {
    // Of several types the mean is the job's own.
    guard evidence.parts.isEmpty else { return efficiency.prices.quote(evidence, on: day) }
    if let known = quotes[evidence.deviceType] { return known }
    let quote = efficiency.prices.quote(evidence, on: day)
    quotes[evidence.deviceType] = .some(quote)
    return quote
  }

  private static func add(
    _ place: Int, _ held: Double, _ findings: [Finding], _ quote: PriceBook.Quote?, to row: inout Row
  ) {
    row.held += held
    row.jobs += 1
    for finding in findings {
      row.wasted += finding.gpuHours
      row.wastedAWeek += finding.gpuHoursAWeek
      row.cost.add(finding.gpuHours, quote)
      row.costAWeek.add(finding.gpuHoursAWeek, quote)
      row.kinds[finding.kind, default: Kind()].add(finding.gpuHours, of: place)
    }
  }

  /// Rows from a place on, from 0, at most so many.
  func members(after: Int, limit: Int) -> [JSON.Member] {
    let (shown, count) = key == .job ? jobRows(after, limit) : otherRows(after, limit)
    let next = after + shown.count
    return [
      .init(name: "all", value: .object(sums(all) + [.init(name: "kinds", value: kinds(all))])),
      .init(name: "rows", value: .array(shown)), .init(name: "next", value: next < count ? JSON(next) : .null),
    ]
  }

  private func jobRows(_ after: Int, _ limit: Int) -> (shown: [JSON], count: Int) {
    let sorted = jobs.sorted { ($1.wasted, $0.id) < ($0.wasted, $1.id) }
    return (sorted.dropFirst(after).prefix(limit).map { jobRow($0.place) }, sorted.count)
  }

  private func otherRows(_ after: Int, _ limit: Int) -> (shown: [JSON], count: Int) {
    let sorted = rows.filter { !$0.value.kinds.isEmpty }.sorted { a, b in
      a.value.wasted != b.value.wasted
        ? a.value.wasted > b.value.wasted : (a.key.count, a.key) < (b.key.count, b.key)
    }
    let shown = sorted.dropFirst(after).prefix(limit).map { name, row in
      JSON.object([.init(name: "key", value: .string(name))] + sums(row) + [.init(name: "kinds", value: kinds(row))])
    }
    return (shown, sorted.count)
  }

  private func jobRow(_ place: Int) -> JSON {
    let view = view(place)
    let (basis, findings, quote) = (view.basis, view.findings, view.quote)
    var row = Row()
    Self.add(place, basis.evidence.gpuHoursHeld, findings, quote, to: &row)
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

  private func sums(_ row: Row) -> [JSON.Member] {
    [
      .init(name: "jobs", value: JSON(row.jobs)), .init(name: "gpuHoursHeld", value: .rounded(row.held)),
      .init(name: "gpuHoursWasted", value: .rounded(row.wasted)),
      .init(name: "gpuHoursAWeek", value: .rounded(row.wastedAWeek)), .init(name: "cost", value: row.cost.json),
      .init(name: "costAWeek", value: row.costAWeek.json),
    ]
  }

  private func kinds(_ row: Row) -> JSON {
    let sorted = Finding.Kind.allCases.compactMap { kind in row.kinds[kind].map { (kind, $0) } }
      .enumerated().sorted { ($1.element.1.gpuHours, $0.offset) < ($0.element.1.gpuHours, $1.offset) }.map(\.element)
    return .array(
      sorted.map { kind, found in
        let worst = view(found.worst.place)
        let sentence = worst.findings.first { $0.kind == kind && $0.gpuHours == found.worst.gpuHours }?.sentence
        return [
          "kind": .string(kind.rawValue), "gpuHours": .rounded(found.gpuHours), "jobs": JSON(found.jobs),
          "worstJob": .int(worst.basis.id), "sentence": JSON(sentence),
        ]
      })
  }
}
