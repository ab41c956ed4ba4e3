/// What jobs held that ended long ago: no longer spans, but sums by hour, and one row for each job.
///
/// It is made of a job when nothing of it can change any more, and its hours are told as a whole anyway: `Ledger.keptDays`
/// after its end, once a UTC day, with the first fact of that day. So the same facts give the same sums, whenever a
/// ledger was written down and read back.
struct PastJobs: Sendable {
  /// What sums are kept apart by.
  struct Group: Hashable, Sendable {
    /// In `Ledger.names`.
    var project: Int32
    var user: Int32
    /// In `Ledger.types`.
    var type: Int32
    var account: Account
  }

  struct Ended: Hashable, Sendable {
    var job: Int64
    /// Milliseconds since 1970.
    var at: Int64
  }

  /// All that a job held. 48 bytes, and 8 for each account that has something.
  struct Row: Hashable, Sendable {
    var job: Int64
    /// Milliseconds since 1970: when it first held something, and last.
    var from: Int64
    var to: Int64
    var shape: LedgerShape
    /// Of its amounts, in `amounts`.
    var first: Int32 = 0
    /// Bit i: the account of that number has an amount; they stand in order of their numbers.
    var accounts: UInt16 = 0
  }

  /// Days since 1970: the last one on which it was looked what is to be folded.
  var day: Int64 = 0
  /// All that is folded lies before it; the beginning of a day. Milliseconds since 1970.
  var until: Int64 = 0
  /// Jobs that have ended and are still kept as spans, in order of their ends.
  var ended: [Ended] = []
  var groups: [Group] = []
  var hours = PastSums(unit: FleetSeries.hour)
  /// Those of the newest jobs, in the order in which they were folded.
  var rows: [Row] = []
  var amounts: [Int64] = []
  /// How many rows are kept; the oldest go first, and then their jobs are told as one.
  var rowLimit = 1_000_000

  // Derived.
  var days = PastSums(unit: Ledger.day)
  /// Beside `groups`: of all hours.
  var totals: [Int64] = []
  /// Asked, never iterated.
  var numberOfGroup: [Group: Int32] = [:]
  /// By job number from 1: its place in `rows`; -1: none, or it is too short for it.
  var placeOfJob: [Int32] = []

  func row(of job: Int64) -> Row? {
    guard job >= 1, job <= placeOfJob.count, placeOfJob[Int(job) - 1] >= 0 else { return nil }
    return rows[Int(placeOfJob[Int(job) - 1])]
  }

  /// Each account that a job held something in, in order of their numbers.
  func forEachAmount(of row: Row, _ body: (Account, Int64) -> Void) {
    var (left, next) = (row.accounts, Int(row.first))
    while left != 0, let account = Account(rawValue: UInt8(left.trailingZeroBitCount)) {
      body(account, amounts[next])
      left &= left - 1
      next += 1
    }
  }

  /// The beginning of the hour in which a moment lies, and its end, where hours are all that is kept.
  func hourBefore(_ moment: Int64) -> Int64 {
    moment < until ? moment / FleetSeries.hour * FleetSeries.hour : moment
  }
  func hourAfter(_ moment: Int64) -> Int64 {
    moment < until ? (moment + FleetSeries.hour - 1) / FleetSeries.hour * FleetSeries.hour : moment
  }

  /// The sums of a stretch of time that cuts no hour before `until`. Milliseconds since 1970.
  /// - Parameters:
  ///   - isByDay: each sum is of one UTC day.
  ///   - body: when what the sum is of begins, whose it is, GPU-milliseconds.
  func forEachSum(from: Int64, to: Int64, isByDay: Bool, _ body: (Int64, Group, Int64) -> Void) {
    if !isByDay, from <= hours.begin, to >= hours.end {
      for (group, total) in zip(groups, totals) { body(hours.begin, group, total) }
      return
    }
    var at = max(from, days.begin)
    let end = min(to, days.end)
    while at < end {
      let nextDay = (at / Ledger.day + 1) * Ledger.day
      let isWhole = at % Ledger.day == 0 && nextDay <= end
      for entry in (isWhole ? days : hours).piece(at: at) { body(at, groups[Int(entry.group)], entry.amount) }
      at = isWhole ? nextDay : (at / FleetSeries.hour + 1) * FleetSeries.hour
    }
  }

  // MARK: Folding

  /// Rows of jobs while their spans are added up.
  struct Folding: Sendable {
    fileprivate var rows: [Growing] = []
    /// By job number: its place in `rows`. Asked, never iterated.
    fileprivate var places: [Int64: Int] = [:]

    fileprivate struct Growing: Sendable {
      var row: Row
      var totals = AccountTotals()
      var shape: ShapeFold
    }
  }

  mutating func add(_ span: LedgerSpan, of job: LedgerJob, to folding: inout Folding) {
    let group = number(
      of: Group(project: job.project, user: job.user, type: span.type, account: span.account))
    hours.add(group, from: span.from, to: span.to, devices: Int64(span.devices))
    days.add(group, from: span.from, to: span.to, devices: Int64(span.devices))
    let amount = (span.to - span.from) * Int64(span.devices)
    totals[Int(group)] += amount
    let place = folding.places[span.job] ?? folding.rows.count
    if place == folding.rows.count {
      folding.places[span.job] = place
      let shape = ShapeFold(span)
      folding.rows.append(
        Folding.Growing(
          row: Row(job: span.job, from: span.from, to: span.to, shape: shape.shape), shape: shape))
    } else {
      folding.rows[place].shape.add(span)
    }
    folding.rows[place].totals[span.account] += amount
    folding.rows[place].row.from = min(folding.rows[place].row.from, span.from)
    folding.rows[place].row.to = max(folding.rows[place].row.to, span.to)
  }

  mutating func finish(_ folding: Folding) {
    for growing in folding.rows {
      var row = growing.row
      row.shape = growing.shape.shape
      put(row, growing.totals)
    }
    hours.trim()
    days.trim()
    guard rows.count > rowLimit + rowLimit / 100 else { return }
    let left = rows.suffix(rowLimit)
    let first = left.first?.first ?? Int32(amounts.count)
    for row in rows.prefix(rows.count - left.count) { placeOfJob[Int(row.job) - 1] = -1 }
    amounts.removeFirst(Int(first))
    rows = Array(left)
    for i in rows.indices {
      rows[i].first -= first
      placeOfJob[Int(rows[i].job) - 1] = Int32(i)
    }
  }

  mutating func put(_ row: Row, _ totals: AccountTotals) {
    var row = row
    (row.first, row.accounts) = (Int32(amounts.count), 0)
    for account in Account.allCases where totals[account] != 0 {
      row.accounts |= 1 << UInt16(account.rawValue)
      amounts.append(totals[account])
    }
    while placeOfJob.count < row.job { placeOfJob.append(-1) }
    placeOfJob[Int(row.job) - 1] = Int32(rows.count)
    rows.append(row)
  }

  mutating func number(of group: Group) -> Int32 {
    if let known = numberOfGroup[group] { return known }
    let number = Int32(groups.count)
    numberOfGroup[group] = number
    groups.append(group)
    totals.append(0)
    return number
  }

  /// What follows from the hours, after they were read.
  mutating func restore(_ pieces: [[PastSums.Entry]], first: Int64) {
    hours = PastSums(unit: FleetSeries.hour, first: first, pieces: pieces)
    for (i, piece) in pieces.enumerated() {
      let day = (first + Int64(i)) * FleetSeries.hour / Ledger.day
      for entry in piece {
        totals[Int(entry.group)] += entry.amount
        days.add(entry, toUnit: day)
      }
    }
    days.trim()
  }
}

extension Ledger {
  /// Days that jobs are kept as spans after their end: longer than minutes are kept of what nobody held, so that a stretch
  /// of time that cuts an hour of the past is widened to it anyway.
  public static var keptDays: Int64 { 8 }

  /// With the first fact of a UTC day. What has ended long enough before it becomes sums.
  mutating func foldPast(day: Int64) {
    past.day = day
    guard let keptDays else { return }
    let until = (day - keptDays) * Ledger.day
    let count = past.ended.prefix { $0.at < until }.count
    guard count > 0 else { return }
    // Asked, never iterated.
    let folded = Set(past.ended.prefix(count).map(\.job))
    past.ended.removeFirst(count)
    past.until = until
    var folding = PastJobs.Folding()
    for span in spans where folded.contains(span.job) {
      past.add(span, of: jobs[Int(span.job) - 1], to: &folding)
    }
    spans.removeAll { folded.contains($0.job) }
    past.finish(folding)
  }
}
