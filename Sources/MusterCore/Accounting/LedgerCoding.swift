/// The ledger as bytes, and back: beside a snapshot of the state, so that a restart does not fold a year of facts.
extension Ledger {
  /// Number of the layout below; of another one nothing is read, and the journal is folded from its beginning.
  public static var format: UInt64 { 4 }

  public func encode() -> [UInt8] {
    var w = ByteWriter()
    w.put(Ledger.format)
    w.put(sequence)
    w.put(begin)
    w.put(now)
    w.put(types) { $0.put($1) }
    w.put(names) { $0.put($1) }
    w.put(jobs) { $0.put($1) }
    w.put(open.sorted { $0.key < $1.key }) { writer, entry in
      writer.put(entry.key)
      writer.put(entry.value)
    }
    w.put(spans) { writer, span in
      writer.put(span.job)
      writer.put(span.from)
      writer.put(span.to - span.from)
      writer.put(span.devices)
      writer.put(span.type)
      writer.put(span.account.rawValue)
    }
    w.put(past)
    w.put(restatements) { writer, restated in
      writer.put(restated.at)
      writer.put(restated.job)
      writer.put(restated.attempt)
      writer.put(restated.from)
      writer.put(restated.to)
      writer.put(restated.was.rawValue)
      writer.put(restated.account.rawValue)
      writer.put(restated.gpuMilliseconds)
    }
    w.put(fleet.nodes) { $0.put($1) }
    w.put(fleet.series) { writer, series in
      writer.put(series.firstHour)
      writer.put(series.firstMinute)
      writer.put(series.hours) { $0.put($1) }
      writer.put(series.minutes) { $0.put($1) }
      writer.put(series.kept)
    }
    w.put(fleet.claims.sorted { $0.key < $1.key }) { writer, claim in
      writer.put(claim.key)
      writer.put(claim.value) { writer, place in
        writer.put(place.node.index)
        writer.put(place.devices)
      }
    }
    return w.bytes
  }

  /// - Parameter cluster: the state after the same facts.
  public init(_ bytes: [UInt8], _ cluster: borrowing Cluster) throws(CodingError) {
    self.init()
    var r = ByteReader(bytes)
    let format = try r.uint()
    guard format == Ledger.format else { throw .unknown(what: "ledger format", number: format, at: 0) }
    sequence = try r.int()
    begin = try r.int()
    now = try r.int()
    types = try r.array { (r) throws(CodingError) in try r.string() }
    names = try r.array { (r) throws(CodingError) in try r.string() }
    jobs = try r.array { (r) throws(CodingError) in try r.ledgerJob() }
    for _ in 0..<(try r.count()) {
      let job = try r.int()
      open[job] = try r.openAttempt()
    }
    spans = try r.array { (r) throws(CodingError) in
      let (job, from) = (try r.int(), try r.int())
      return LedgerSpan(
        job: job, from: from, to: from + (try r.int()), devices: try r.int32(), type: try r.int32(),
        account: try r.account())
    }
    past = try r.pastJobs(jobs: jobs.count)
    restatements = try r.array { (r) throws(CodingError) in
      Restatement(
        at: try r.int(), job: try r.int(), attempt: try r.int32(), from: try r.int(), to: try r.int(),
        was: try r.account(), account: try r.account(), gpuMilliseconds: try r.int())
    }
    let nodes = try r.array { (r) throws(CodingError) in try r.nodeEntry() }
    let series = try r.array { (r) throws(CodingError) in
      var series = FleetSeries()
      series.firstHour = try r.int()
      series.firstMinute = try r.int()
      series.hours = try r.array { (r) throws(CodingError) in try r.fleetPiece() }
      series.minutes = try r.array { (r) throws(CodingError) in try r.fleetPiece() }
      series.kept = try r.int()
      return series
    }
    for _ in 0..<(try r.count()) {
      let job = try r.int()
      fleet.claims[job] = try r.array { (r) throws(CodingError) in
        Place(node: try r.node(), devices: try r.uint())
      }
    }
    guard r.isAtEnd else { throw .leftOver(bytes: bytes.count - r.offset) }
    fleet.restore(nodes, series, cluster, at: now)
    for (i, name) in names.enumerated() { numberOfName[name] = Int32(i) }
    for (i, type) in types.enumerated() { numberOfType[type] = Int32(i) }
  }
}

extension FleetLedger {
  /// Levels follow from the nodes.
  mutating func restore(_ nodes: [NodeEntry], _ series: [FleetSeries], _ cluster: borrowing Cluster, at now: Int64) {
    self.nodes = nodes
    self.series = series
    for node in nodes { count(node, 1) }
    windowsChanged(cluster, at: now)
  }
}

extension ByteWriter {
  fileprivate mutating func put(_ job: LedgerJob) {
    put(job.project)
    put(job.user)
    put(job.saysSteps)
    put(job.checkpoints)
    put(job.faults)
    put(job.worked)
    put(job.saving)
    put(job.resumes)
    put(job.resuming)
    put(job.endingAt)
    put(job.slowRank)
    put(job.slowAttempt)
  }

  fileprivate mutating func put(_ attempt: OpenAttempt) {
    put(attempt.number)
    put(attempt.slot)
    put(attempt.held) { writer, held in
      writer.put(held.type)
      writer.put(held.devices)
    }
    put(attempt.isHung)
    put(attempt.gaveWayTo)
    put(attempt.checkpointAt)
    put(attempt.toldSoFar)
    put(attempt.since)
    put(attempt.knownStep)
    put(attempt.knownStepAt)
    put(attempt.told) { writer, slot in
      writer.put(slot.from)
      writer.put(slot.to)
      writer.put(slot.times)
    }
  }

  fileprivate mutating func put(_ node: FleetLedger.NodeEntry) {
    put(node.type)
    put(node.devices)
    put(node.state.rawValue)
    put(node.isRevoked)
    put(node.isInMaintenance)
    put(node.held)
    put(node.leaving)
    put(node.kept)
  }

  fileprivate mutating func put(_ piece: FleetPiece) {
    put(piece.capacity)
    for account in FleetPiece.accounts { put(piece[account]) }
  }
}

extension ByteReader {
  fileprivate mutating func ledgerJob() throws(CodingError) -> LedgerJob {
    var job = LedgerJob(project: try int32(), user: try int32())
    job.saysSteps = try bool()
    job.checkpoints = try int32()
    job.faults = try int32()
    job.worked = try int()
    job.saving = try int()
    job.resumes = try int32()
    job.resuming = try int()
    job.endingAt = try int()
    job.slowRank = try int32()
    job.slowAttempt = try int32()
    return job
  }

  mutating func account() throws(CodingError) -> Account {
    let (number, at) = (try byte(), offset)
    guard let account = Account(rawValue: number) else {
      throw .unknown(what: "account", number: UInt64(number), at: at)
    }
    return account
  }

  fileprivate mutating func openAttempt() throws(CodingError) -> OpenAttempt {
    var attempt = OpenAttempt(
      number: try int32(), slot: try int32(),
      held: try array { (r) throws(CodingError) in TypeCount(type: try r.int32(), devices: try r.int32()) }, since: 0,
      isHung: try bool(), gaveWayTo: try int(), checkpointAt: try instant())
    attempt.toldSoFar = try statusTimes()
    attempt.since = try int()
    (attempt.knownStep, attempt.knownStepAt) = (try int(), try instant())
    attempt.told = try array { (r) throws(CodingError) in
      ToldSlot(from: try r.int(), to: try r.int(), times: try r.statusTimes())
    }
    return attempt
  }

  fileprivate mutating func nodeEntry() throws(CodingError) -> FleetLedger.NodeEntry {
    let (type, devices) = (try int32(), try int32())
    let (state, at) = (try byte(), offset)
    guard let state = NodeState(rawValue: state) else {
      throw .unknown(what: "node state", number: UInt64(state), at: at)
    }
    return FleetLedger.NodeEntry(
      type: type, devices: devices, state: state, isRevoked: try bool(), isInMaintenance: try bool(),
      held: try uint(), leaving: try uint(), kept: try uint())
  }

  fileprivate mutating func fleetPiece() throws(CodingError) -> FleetPiece {
    var piece = FleetPiece()
    piece.capacity = try int()
    for account in FleetPiece.accounts { piece[account] = try int() }
    return piece
  }
}
