import MusterCore

/// Where the columns of a workload file are, and what a row of them means.
struct TraceColumns {
  struct BadRow: Error {
    var reason: String
  }

  let format: TraceFormat
  private var place: [String: Int] = [:]
  private let count: Int
  private let priorities: [PriorityClass]

  static let phillyHeader = ["timestamp", "duration", "num_gpus", "gpu_time", "cluster"]
  static let required = ["submit_seconds", "duration_seconds", "devices"]
  static let optional = ["walltime_seconds", "project", "user", "priority", "device_type", "nodes", "segment"]

  init(header rows: inout TraceRows, format: TraceFormat, priorities: [PriorityClass]) throws(InputErrors) {
    (self.format, self.priorities) = (format, priorities)
    let names = rows.next() ? rows.fields.indices.map { rows.text($0) } : []
    count = names.count
    func wrong(_ value: String, _ allowed: String) -> InputErrors {
      InputErrors([InputProblem(line: 1, field: "header", value: value, allowed: allowed)])
    }
    switch format {
    case .philly:
      guard names == Self.phillyHeader else {
        throw wrong(names.joined(separator: ","), Self.phillyHeader.joined(separator: ","))
      }
    case .csv:
      let known = Self.required + Self.optional
      for name in names where !known.contains(name) { throw wrong(name, known.joined(separator: ",")) }
      for name in Self.required where !names.contains(name) {
        throw wrong("(no \(name))", known.joined(separator: ","))
      }
    }
    for (i, name) in names.enumerated() {
      if place[name] != nil { throw wrong("\(name) twice", "each column once") }
      place[name] = i
    }
  }

  func project(_ rows: TraceRows) -> String {
    text(rows, format == .philly ? "cluster" : "project") ?? "default"
  }
  func user(_ rows: TraceRows) -> String { text(rows, "user") ?? "nobody" }
  func deviceType(_ rows: TraceRows) -> String? { text(rows, "device_type") }
  /// nil: it has none, or a number.
  func priorityName(_ rows: TraceRows) -> String? {
    text(rows, "priority").flatMap { text in priorities.first { $0.name == text }?.name }
  }

  /// Project, user and other names are left to the caller, who keeps each name once.
  func job(_ rows: TraceRows, fleet: SimFleet) -> Result<TraceJob, BadRow> {
    do throws(BadRow) {
      guard rows.fields.count == count else {
        throw BadRow(reason: "\(rows.fields.count) fields; the header has \(count)")
      }
      return .success(try read(rows, fleet))
    } catch {
      return .failure(error)
    }
  }

  private func read(_ rows: TraceRows, _ fleet: SimFleet) throws(BadRow) -> TraceJob {
    let isPhilly = format == .philly
    let submit: Int64
    if isPhilly {
      guard let time = CalendarTime.milliseconds(rows.bytes[rows.fields[0]]), Trace.times.contains(time) else {
        throw bad(rows, "timestamp", "a time from 1971 to 2049, e.g. 2017-10-09 07:01:55")
      }
      submit = time
    } else {
      submit = Trace.csvEpoch + (try milliseconds(rows, "submit_seconds", least: 0))
    }
    let duration = try milliseconds(rows, isPhilly ? "duration" : "duration_seconds", least: 1)
    let devices = try whole(rows, isPhilly ? "num_gpus" : "devices", 1...1_000_000)
    var job = TraceJob(
      submitMilliseconds: submit, durationMilliseconds: duration, devices: Int32(devices), nodes: 0, devicesPerNode: 0,
      project: 0, user: 0, line: Int32(clamping: rows.line))
    if !isPhilly { try readOptional(rows, fleet, &job) }
    try shape(&job, on: fleet, type: isPhilly ? nil : text(rows, "device_type"))
    return job
  }

  private func readOptional(_ rows: TraceRows, _ fleet: SimFleet, _ job: inout TraceJob) throws(BadRow) {
    if has(rows, "walltime_seconds") {
      job.walltimeMilliseconds = try milliseconds(rows, "walltime_seconds", least: 1)
    }
    if has(rows, "nodes") { job.nodes = Int32(try whole(rows, "nodes", 1...1_000_000)) }
    if has(rows, "segment") { job.segment = Int32(try whole(rows, "segment", 1...1_000_000)) }
    if let text = text(rows, "priority") { job.priority = try priority(text, rows) }
    if let type = text(rows, "device_type"), !fleet.deviceTypes.contains(type) {
      let names = fleet.deviceTypes.filter { !$0.isEmpty }
      let has = names.isEmpty ? "has no deviceType" : "has \(names.joined(separator: ", ")) only"
      throw BadRow(reason: "device_type \(type): the fleet \(has)")
    }
  }

  private func priority(_ text: String, _ rows: TraceRows) throws(BadRow) -> Int32 {
    if let known = priorities.first(where: { $0.name == text }) { return known.value }
    guard let number = Int32(text), abs(Int64(number)) <= 1_000_000 else {
      let names = priorities.map(\.name)
      throw bad(
        rows, "priority",
        "a whole number from -1000000 to 1000000" + (names.isEmpty ? "" : ", or \(names.joined(separator: ", "))"))
    }
    return number
  }

  /// The shape that a job takes on the first kind of node that can hold it: those of which the fleet has most devices come
  /// first. If none can, the reason is that of the first.
  private func shape(_ job: inout TraceJob, on fleet: SimFleet, type: String?) throws(BadRow) {
    var why: BadRow?
    for kind in fleet.kinds where type == nil || kind.deviceType == type {
      do throws(BadRow) {
        return try shape(&job, on: kind, of: fleet)
      } catch {
        why = why ?? error
      }
    }
    if let why { throw why }
  }

  /// Without `nodes`, more devices than a node has take whole nodes.
  private func shape(_ job: inout TraceJob, on kind: SimFleet.Kind, of fleet: SimFleet) throws(BadRow) {
    var (nodes, devicesPerNode) = (job.nodes, job.devicesPerNode)
    // Said where there are several kinds, so that the numbers can be understood.
    let with = fleet.kinds.count > 1 ? kind.suffix : ""
    if nodes == 0 {
      nodes = (job.devices + kind.devicesPerNode - 1) / kind.devicesPerNode
      devicesPerNode = nodes == 1 ? job.devices : kind.devicesPerNode
    } else {
      guard nodes <= job.devices else {
        throw BadRow(reason: "\(nodes) nodes for \(job.devices) devices: at least one device a node")
      }
      devicesPerNode = (job.devices + nodes - 1) / nodes
    }
    guard devicesPerNode <= kind.devicesPerNode else {
      throw BadRow(
        reason: "\(devicesPerNode) devices on each of \(nodes) nodes: the fleet's\(with) have \(kind.devicesPerNode)")
    }
    guard nodes % job.segment == 0 else {
      throw BadRow(reason: "segment \(job.segment): \(nodes) nodes are no multiple of it")
    }
    guard nodes <= kind.nodes else {
      throw BadRow(reason: "\(job.devices) devices take \(nodes) nodes: the fleet has \(kind.nodes)\(with)")
    }
    (job.nodes, job.devicesPerNode) = (nodes, devicesPerNode)
  }

  // MARK: Fields

  private func has(_ rows: TraceRows, _ name: String) -> Bool { place[name].map { !rows.fields[$0].isEmpty } ?? false }

  private func text(_ rows: TraceRows, _ name: String) -> String? {
    guard let i = place[name], i < rows.fields.count, !rows.fields[i].isEmpty else { return nil }
    return rows.text(i)
  }

  private func whole(_ rows: TraceRows, _ name: String, _ range: ClosedRange<Int64>) throws(BadRow) -> Int64 {
    guard let i = place[name], let number = rows.whole(i), range.contains(number) else {
      throw bad(rows, name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Ten years at most: longer is a slip of the pen.
  private func milliseconds(_ rows: TraceRows, _ name: String, least: Int64) throws(BadRow) -> Int64 {
    guard let i = place[name], let time = rows.milliseconds(i), time >= least, time <= 3650 * 86_400_000 else {
      throw bad(
        rows, name, least == 0 ? "seconds, 0 or more, ten years at most" : "seconds, more than 0, ten years at most")
    }
    return time
  }

  private func bad(_ rows: TraceRows, _ name: String, _ allowed: String) -> BadRow {
    let value = text(rows, name) ?? "(nothing)"
    return BadRow(reason: "\(name): \(value.prefix(60)) (allowed: \(allowed))")
  }
}
