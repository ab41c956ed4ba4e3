/// What accounts are asked for by.
public enum LedgerKey: String, CaseIterable, Sendable {
  case job
  case project
  case user
  case type
  case day
}

/// One row of an answer.
public struct LedgerRow: Hashable, Sendable {
  /// A job's number, a place in `Ledger.names` or `Ledger.types`, days since 1970; -1: what no job has. By job
  /// `olderJobs`: what jobs held that ended long ago, and that are not told apart.
  public var key: Int64
  public var totals = AccountTotals()
  /// Of the totals: what jobs held.
  public var held: Int64 = 0
  /// Of the totals: may still become something else.
  public var provisional: Int64 = 0

  /// Productive over what jobs held, in parts of the whole; nil where no job held anything.
  public var goodput: Double? { held > 0 ? Double(totals[.productive]) / Double(held) : nil }
}

extension LedgerRow {
  /// Jobs are counted from 1.
  public static var olderJobs: Int64 { 0 }

  fileprivate mutating func add(_ account: Account, _ amount: Int64, held: Int64, provisional: Int64) {
    totals[account] += amount
    self.held += held
    self.provisional += provisional
  }
}

/// Rows that are being added up. Keys are small numbers: a place for each is found without a table of hashes, and rows of
/// this size are not moved about until they stand in their order.
private struct RowTable {
  private var rows: [LedgerRow] = []
  /// By key + 1: its place in `rows`; -1: none yet.
  private var places: [Int32]

  /// - Parameter count: keys are -1 or more, and below it.
  init(keys count: Int) { places = Array(repeating: -1, count: count + 1) }

  mutating func add(_ key: Int64, _ account: Account, _ amount: Int64, held: Int64, provisional: Int64) {
    var place = places[Int(key) + 1]
    if place < 0 {
      place = Int32(rows.count)
      places[Int(key) + 1] = place
      rows.append(LedgerRow(key: key))
    }
    rows[Int(place)].add(account, amount, held: held, provisional: provisional)
  }

  /// Ascending by key.
  var sorted: [LedgerRow] { places.lazy.filter { $0 >= 0 }.map { rows[Int($0)] } }
}

/// An answer that is being added up.
private struct SumTable {
  var sums: LedgerSums
  var rows: RowTable

  mutating func add(_ key: Int64, _ account: Account, _ amount: Int64, held: Int64 = 0, provisional: Int64 = 0) {
    rows.add(key, account, amount, held: held, provisional: provisional)
    sums.fleet.add(account, amount, held: held, provisional: provisional)
  }

  var finished: LedgerSums {
    var sums = sums
    sums.rows = rows.sorted
    return sums
  }
}

/// Where the GPU time of a stretch of time went. Milliseconds since 1970, GPU-milliseconds.
public struct LedgerSums: Hashable, Sendable {
  /// What was added up: as asked for, widened to whole minutes (to whole hours where that is all that is kept).
  public var from: Int64
  public var to: Int64
  /// Up to when everything that happened is in it.
  public var asOf: Int64
  /// Of the nodes that had joined.
  public var capacity: Int64 = 0
  public var fleet = LedgerRow(key: -1)
  /// Ascending by key.
  public var rows: [LedgerRow] = []

  /// Found by halving.
  public func row(_ key: Int64) -> LedgerRow? {
    var (low, high) = (0, rows.count)
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low < rows.count && rows[low].key == key ? rows[low] : nil
  }
}

extension Ledger {
  /// Accounts from one moment to another.
  /// - Parameters:
  ///   - from: nil: from the first fact on.
  ///   - to: nil, or later than `now`: up to now.
  ///   - project: in `names`: of what its jobs held alone, with no capacity; nil: of all, and of what no job had.
  ///   - job: of this job alone, as for a project; only by job.
  ///   - cluster: the state after the same facts.
  public func sums(
    by key: LedgerKey, from: Int64?, to: Int64?, project: Int32? = nil, job: Int64? = nil,
    _ cluster: borrowing Cluster
  ) -> LedgerSums {
    precondition(job == nil || key == .job, "one job's accounts are asked for by \(key): by job is right")
    let (from, to) = stretch(from: from, to: to)
    var table = SumTable(
      sums: LedgerSums(from: from, to: to, asOf: now), rows: RowTable(keys: keyCount(key, to: to)))
    func isAsked(_ number: Int64) -> Bool {
      (job == nil || number == job) && (project == nil || jobs[Int(number) - 1].project == project)
    }
    func add(_ span: LedgerSpan, isProvisional: Bool) {
      var begin = max(span.from, from)
      let end = min(span.to, to)
      while begin < end {
        let stop = key == .day ? min(end, (begin / Self.day + 1) * Self.day) : end
        let amount = (stop - begin) * Int64(span.devices)
        table.add(
          self.key(key, of: span, at: begin), span.account, amount, held: amount,
          provisional: isProvisional ? amount : 0)
        begin = stop
      }
    }
    for span in spans where span.from < to && span.to > from && isAsked(span.job) { add(span, isProvisional: false) }
    forEachOpen(of: job, where: isAsked, cluster) { add($0, isProvisional: $1) }
    addPast(by: key, project: project, job: job, to: &table)
    for (type, series) in fleet.series.enumerated() where project == nil && job == nil {
      series.forEach(from: from, to: to) { start, _, piece in
        table.sums.capacity += piece.capacity
        let number: Int64 =
          switch key {
          case .job, .project, .user: -1
          case .type: Int64(type)
          case .day: start / Self.day
          }
        for account in FleetPiece.accounts where piece[account] != 0 { table.add(number, account, piece[account]) }
      }
    }
    return table.finished
  }

  /// What jobs held that ended long ago.
  private func addPast(by key: LedgerKey, project: Int32?, job: Int64?, to table: inout SumTable) {
    let (from, to) = (table.sums.from, table.sums.to)
    guard key == .job else {
      past.forEachSum(from: from, to: to, isByDay: key == .day) { at, group, amount in
        guard project == nil || group.project == project else { return }
        let number: Int64 =
          switch key {
          case .job: 0
          case .project: Int64(group.project)
          case .user: Int64(group.user)
          case .type: Int64(group.type)
          case .day: at / Self.day
          }
        table.add(number, group.account, amount, held: amount)
      }
      return
    }
    // Of a job that only a part of lies in the stretch it is not known how much that is, nor of one that has no row any
    // more. What they held together is.
    var rest = AccountTotals()
    if job == nil {
      past.forEachSum(from: from, to: to, isByDay: false) { _, group, amount in
        if project == nil || group.project == project { rest[group.account] += amount }
      }
    }
    for row in job.map({ past.row(of: $0).map { [$0] } ?? [] }) ?? past.rows
    where row.from >= from && row.to <= to && (project == nil || jobs[Int(row.job) - 1].project == project) {
      past.forEachAmount(of: row) { account, amount in
        table.add(row.job, account, amount, held: amount)
        rest[account] -= amount
      }
    }
    guard job == nil else { return }
    for account in Account.allCases where rest[account] != 0 {
      table.add(LedgerRow.olderJobs, account, rest[account], held: rest[account])
    }
  }

  /// Keys are below it.
  private func keyCount(_ key: LedgerKey, to: Int64) -> Int {
    switch key {
    case .job: jobs.count + 1
    case .project, .user: names.count
    case .type: max(types.count, fleet.series.count)
    case .day: Int(max(to, 0) / Self.day) + 1
    }
  }

  /// GPU-milliseconds that the jobs of each user have held, beside `names`.
  /// - Parameter one: only this user's are added up, the others' are 0; in `names`.
  public func heldByUser(_ cluster: borrowing Cluster, of one: Int32? = nil) -> [Int64] {
    var held = [Int64](repeating: 0, count: names.count)
    func isAsked(_ number: Int64) -> Bool { one == nil || jobs[Int(number) - 1].user == one }
    func add(_ span: LedgerSpan) {
      held[Int(jobs[Int(span.job) - 1].user)] += (span.to - span.from) * Int64(span.devices)
    }
    for span in spans where isAsked(span.job) { add(span) }
    forEachOpen(of: nil, where: isAsked, cluster) { span, _ in add(span) }
    for (group, total) in zip(past.groups, past.totals) where one == nil || group.user == one {
      held[Int(group.user)] += total
    }
    return held
  }

  /// GPU-milliseconds that these jobs have held in one account so far, by their numbers.
  public func held(in account: Account, by jobs: Set<Int64>, _ cluster: borrowing Cluster) -> [Int64: Int64] {
    var held: [Int64: Int64] = [:]
    guard !jobs.isEmpty else { return held }
    func add(_ span: LedgerSpan) {
      guard span.account == account, jobs.contains(span.job) else { return }
      held[span.job, default: 0] += (span.to - span.from) * Int64(span.devices)
    }
    for span in spans { add(span) }
    forEachOpen(of: nil, where: jobs.contains, cluster) { span, _ in add(span) }
    for job in jobs {
      guard let row = past.row(of: job) else { continue }
      past.forEachAmount(of: row) { if $0 == account { held[job, default: 0] += $1 } }
    }
    return held
  }

  static var day: Int64 { 86_400_000 }

  /// Widened so that no piece of any series is cut: hours begin and end where minutes do.
  private func stretch(from: Int64?, to: Int64?) -> (Int64, Int64) {
    let (first, last) = (max(from ?? begin, begin), min(to ?? now, now))
    let start = fleet.series.reduce(first) { min($0, $1.piece(at: first).lowerBound) }
    let end = fleet.series.reduce(last) { end, series in
      let piece = series.piece(at: last)
      return piece.lowerBound == last ? end : max(end, piece.upperBound)
    }
    return (past.hourBefore(start), min(past.hourAfter(end), now))
  }

  private func key(_ key: LedgerKey, of span: LedgerSpan, at: Int64) -> Int64 {
    switch key {
    case .job: span.job
    case .project: Int64(jobs[Int(span.job) - 1].project)
    case .user: Int64(jobs[Int(span.job) - 1].user)
    case .type: Int64(span.type)
    case .day: at / Self.day
    }
  }

  /// What is known of attempts whose time is not settled, and whether it may still change.
  private func forEachOpen(
    of one: Int64?, where isAsked: (Int64) -> Bool, _ cluster: borrowing Cluster, _ body: (LedgerSpan, Bool) -> Void
  ) {
    for job in one.map({ [$0] }) ?? open.keys.sorted() where isAsked(job) {
      guard let attempt = open[job] else { continue }
      for (piece, isProvisional) in attempt.pieces(cluster, jobs[Int(job) - 1], now: now) {
        for held in attempt.held {
          let span = LedgerSpan(
            job: job, from: piece.from, to: piece.to, devices: held.devices, type: held.type, account: piece.account)
          body(span, isProvisional)
        }
      }
    }
  }
}

extension OpenAttempt {
  typealias Piece = ToldSlot.Part

  /// Its time up to now, and what of it may still be lost.
  func pieces(_ cluster: borrowing Cluster, _ job: LedgerJob, now: Int64) -> [(Piece, isProvisional: Bool)] {
    let times = times(cluster, job)
    guard times.outcome != nil else { return livePieces(times, cluster, to: now) }
    let end = times.endedAt == .zero ? Instant(nanoseconds: now * 1_000_000) : times.endedAt
    let kept = times.lastKeptStep(checkpointStep: checkpointStep(cluster))
    let split = AttemptSplit(times, keptStep: kept, until: max(end, times.startedAt))
    return pieces(split, times).map { ($0, $0.account == .productive) }
  }

  private func livePieces(
    _ times: AttemptTimes, _ cluster: borrowing Cluster, to: Int64
  ) -> [(Piece, isProvisional: Bool)] {
    let end = Instant(nanoseconds: to * 1_000_000)
    let kept = times.lastKeptStep(checkpointStep: checkpointStep(cluster))
    let split = AttemptSplit(times, keptStep: kept, until: max(end, times.startedAt))
    let start = times.startedAt.milliseconds
    let began = max(start, min(split.began.milliseconds, to))
    let saved = min(max(began, checkpointAt.milliseconds), to)
    var all: [(Piece, isProvisional: Bool)] = start < began ? [((.starting, start, began), false)] : []
    all += carve(.productive, began, saved).map { ($0, false) }
    all += carve(.productive, saved, to).map { ($0, $0.account == .productive) }
    return all
  }

  /// What was told of it up to the moment in which it began to end.
  func toldWhileRunning(_ cluster: borrowing Cluster, _ job: LedgerJob) -> [Piece] {
    var times = times(cluster, job)
    let to = (times.endingAt == .zero ? times.endedAt : times.endingAt).milliseconds
    // Known since then.
    (times.outcome, times.endingAt, times.endedAt) = (nil, .zero, .zero)
    (times.lastStep, times.lastStepAt) = (max(times.resumeStep, knownStep), knownStepAt)
    return livePieces(times, cluster, to: to).map(\.0)
  }

  /// Where two tellings of the same time differ, as far as both go.
  static func changes(
    _ before: [Piece], _ after: [Piece]
  ) -> [(from: Int64, to: Int64, was: Account, account: Account)] {
    var changes: [(from: Int64, to: Int64, was: Account, account: Account)] = []
    var (i, j) = (0, 0)
    while i < before.count, j < after.count {
      let (from, to) = (max(before[i].from, after[j].from), min(before[i].to, after[j].to))
      if from < to, before[i].account != after[j].account {
        if let last = changes.last, last.to == from, last.was == before[i].account, last.account == after[j].account {
          changes[changes.count - 1].to = to
        } else {
          changes.append((from, to, before[i].account, after[j].account))
        }
      }
      if before[i].to < after[j].to { i += 1 } else { j += 1 }
    }
    return changes
  }
}
