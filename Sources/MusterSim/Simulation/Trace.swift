public import MusterCore

/// One job of a trace, with the shape that it takes on the fleet.
public struct TraceJob: Hashable, Sendable {
  /// Milliseconds since 1970.
  public var submitMilliseconds: Int64
  /// How long its work takes.
  public var durationMilliseconds: Int64
  /// Devices that it asks for in all.
  public var devices: Int32
  public var nodes: Int32
  /// `nodes` times this is `devices`, or more where it had to be rounded up.
  public var devicesPerNode: Int32
  /// 0: unlimited.
  public var walltimeMilliseconds: Int64 = 0
  public var priority: Int32 = 0
  /// Place in `Trace.names` of the priority's name, where it was given by one; -1: it was not.
  public var priorityClass: Int32 = -1
  /// Place in `Trace.names` of the type that it asks for; -1: any.
  public var deviceType: Int32 = -1
  /// Nodes that lie in one rack; `nodes` is a multiple. 1: no wish.
  public var segment: Int32 = 1
  /// Places in `Trace.names`.
  public var project: Int32
  public var user: Int32
  /// Of the row, from 1.
  public var line: Int32
}

/// A row that was not understood, or that asks for what the fleet does not have.
public struct RejectedRow: Hashable, Sendable {
  public var line: Int
  public var reason: String
}

/// Which submissions are taken: from the first moment on, before the second.
public struct TraceWindow: Hashable, Sendable {
  /// Milliseconds since 1970; nil: from the first one on.
  public var from: Int64?
  public var to: Int64?
  public init(from: Int64? = nil, to: Int64? = nil) {
    self.from = from
    self.to = to
  }
}

public enum TraceFormat: String, CaseIterable, Sendable {
  case csv
  case philly

  /// What the first line of its files begins with.
  public var firstColumns: String {
    switch self {
    case .csv: "submit_seconds,duration_seconds,devices"
    case .philly: "timestamp,duration,num_gpus"
    }
  }

  /// As a file's first line tells; nil if it is no trace's.
  public init?(header bytes: [UInt8]) {
    let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }.prefix(4_096), as: UTF8.self)
    let columns = line.split(separator: ",").map { $0.filter { !$0.isWhitespace && $0 != "\u{feff}" } }
    if columns.contains("submit_seconds") {
      self = .csv
    } else if columns.contains("num_gpus") {
      self = .philly
    } else {
      return nil
    }
  }

  /// What `--from` and `--to` count in; nil if the text says no time.
  public func moment(_ text: String) -> Int64? {
    switch self {
    case .philly: CalendarTime.milliseconds(text)
    case .csv: Int64(text).flatMap { $0 >= 0 && $0 < 1 << 40 ? Trace.csvEpoch + $0 * 1000 : nil }
    }
  }

  public var momentRule: String {
    switch self {
    case .philly: "a date or a time, e.g. 2017-10-09 or 2017-10-09T12:00:00Z"
    case .csv: "whole seconds, as in submit_seconds"
    }
  }
}

/// The jobs of a workload file, in order of submission, and what of it could not be used.
public struct Trace: Hashable, Sendable {
  public internal(set) var jobs: [TraceJob] = []
  /// Names of projects and users, each once.
  public internal(set) var names: [String] = []
  public internal(set) var rowsRead = 0
  public internal(set) var rejected: [RejectedRow] = []
  /// When the simulation begins: the window's beginning, or the first submission.
  public internal(set) var beginMilliseconds: Int64 = Trace.csvEpoch

  /// What seconds of results count from: the plain form's second 0, as its own columns do; for dates the beginning.
  public private(set) var zeroMilliseconds: Int64 = Trace.csvEpoch

  /// Second 0 of the plain form: 2000-01-01T00:00:00Z.
  public static let csvEpoch: Int64 = 946_684_800_000
  /// From 1971 to 2049: two hundred years later is still a time that the core can count.
  static let times: Range<Int64> = 31_536_000_000..<2_524_608_000_000
  /// `--scale-load` counts in millionths.
  public static let scaleUnit: Int64 = 1_000_000

  private var placeOfName: [String: Int32] = [:]

  /// - Parameters:
  ///   - priorities: what rows may name instead of a number.
  ///   - loadScale: submissions come so many millionths of times as fast.
  public init(
    _ bytes: [UInt8], format: TraceFormat, fleet: SimFleet, priorities: [PriorityClass] = [],
    window: TraceWindow = TraceWindow(), loadScale: Int64 = Trace.scaleUnit
  ) throws(InputErrors) {
    var rows = TraceRows(bytes)
    let columns = try TraceColumns(header: &rows, format: format, priorities: priorities)
    while rows.next() {
      rowsRead += 1
      switch columns.job(rows, fleet: fleet) {
      case .failure(let why): rejected.append(RejectedRow(line: rows.line, reason: why.reason))
      case .success(var job):
        guard job.submitMilliseconds >= window.from ?? .min, job.submitMilliseconds < window.to ?? .max else {
          continue
        }
        (job.project, job.user) = (place(of: columns.project(rows)), place(of: columns.user(rows)))
        if let name = columns.priorityName(rows) { job.priorityClass = place(of: name) }
        // Of a fleet with one type all that is taken asks for it.
        if fleet.deviceTypes.count > 1, let type = columns.deviceType(rows) { job.deviceType = place(of: type) }
        jobs.append(job)
      }
    }
    jobs.sort { ($0.submitMilliseconds, $0.line) < ($1.submitMilliseconds, $1.line) }
    beginMilliseconds = window.from ?? jobs.first?.submitMilliseconds ?? Trace.csvEpoch
    if format == .philly { zeroMilliseconds = beginMilliseconds }
    if loadScale != Trace.scaleUnit { scale(by: loadScale) }
  }

  /// For tests and benchmarks: jobs made by hand.
  public init(jobs: [TraceJob], names: [String] = ["default"]) {
    self.jobs = jobs
    self.names = names
    rowsRead = jobs.count
    beginMilliseconds = jobs.first?.submitMilliseconds ?? Trace.csvEpoch
  }

  private mutating func place(of name: String) -> Int32 {
    if let known = placeOfName[name] { return known }
    let place = Int32(names.count)
    names.append(name)
    placeOfName[name] = place
    return place
  }

  private mutating func scale(by millionths: Int64) {
    for i in jobs.indices {
      let since = jobs[i].submitMilliseconds - beginMilliseconds
      let wide = since.multipliedFullWidth(by: Trace.scaleUnit)
      jobs[i].submitMilliseconds = beginMilliseconds + millionths.dividingFullWidth(wide).quotient
    }
    let late = jobs.partition { !Trace.times.contains($0.submitMilliseconds) }
    for job in jobs[late...] {
      rejected.append(RejectedRow(line: Int(job.line), reason: "at this load it would be submitted after 2049"))
    }
    jobs.removeSubrange(late...)
    rejected.sort { $0.line < $1.line }
    jobs.sort { ($0.submitMilliseconds, $0.line) < ($1.submitMilliseconds, $1.line) }
  }
}
