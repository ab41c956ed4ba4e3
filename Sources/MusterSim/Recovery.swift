import MusterCore

/// What a restart reads, and the follower beside the writer: snapshots, and the same state by another way.
extension World {
  private static let snapshotEvery = 150

  /// Newest snapshot, then the batches after it. Checked against a fold of all batches.
  mutating func recover() -> Cluster {
    if plant == .tornBatchBelieved, let last = disk.batches.last, !last.isWhole { believeTorn(last) }
    disk.dropTorn()
    var kept: [Fact] = []
    for batch in disk.batches where batch.first > Int64(facts.count) { kept += read(batch) }
    if !kept.isEmpty { becameDurable(kept) }
    // What was audited and then lost never happened.
    auditor = Auditor(minimumRun: shape.limits.minimumRun)
    for fact in facts {
      // Nobody knows any more which connections were lost between them.
      auditor.connectionChanged()
      _ = auditor.check(fact)
    }
    var whole = Cluster()
    let snapshot = disk.snapshot
    for batch in disk.batches {
      for fact in read(batch) {
        guard fits(whole.fold(fact)) else { return whole }
      }
      if let snapshot, snapshot.sequence == batch.last, whole.encodeSnapshot() != snapshot.bytes {
        violated(Failure(invariant: .snapshotIsTrue, detail: "snapshot of fact \(snapshot.sequence)"))
        return whole
      }
    }
    guard let snapshot else { return whole }
    return replay(from: snapshot, against: whole)
  }

  private mutating func replay(from snapshot: SimDisk.Snapshot, against whole: consuming Cluster) -> Cluster {
    _ = inject(.restartFromSnapshot, "of fact \(snapshot.sequence)")
    do throws(CodingError) {
      var cluster = try Cluster(snapshot: snapshot.bytes)
      for batch in disk.batches where batch.first > snapshot.sequence {
        for fact in read(batch) {
          guard fits(cluster.fold(fact)) else { return whole }
        }
      }
      if cluster.encodeSnapshot() != whole.encodeSnapshot() {
        violated(Failure(invariant: .snapshotIsTrue, detail: "snapshot and later batches give another state"))
      }
      return cluster
    } catch {
      violated(Failure(invariant: .snapshotIsTrue, detail: "\(error)"))
      return whole
    }
  }

  /// - Returns: whether a fact could follow, which `fold` says with nil.
  mutating func fits(_ objection: String?) -> Bool {
    if let objection { violated(Failure(invariant: .factsFollow, detail: objection)) }
    return objection == nil
  }

  private mutating func read(_ batch: SimDisk.Batch) -> [Fact] {
    var reader = ByteReader(batch.bytes)
    var out: [Fact] = []
    out.reserveCapacity(batch.count)
    do throws(CodingError) {
      while !reader.isAtEnd { out.append(try reader.fact()) }
    } catch {
      violated(Failure(invariant: .journalReads, detail: "batch of fact \(batch.first): \(error)"))
    }
    return out
  }

  /// The planted bug: facts of a torn batch count as far as they can be read. Seen here, before they are applied.
  private mutating func believeTorn(_ torn: SimDisk.Batch) {
    var reader = ByteReader(torn.bytes)
    var readable = 0
    while !reader.isAtEnd {
      guard (try? reader.fact()) != nil else { break }  // where the tear is
      readable += 1
    }
    guard readable > 0 else { return }
    let detail = "\(readable) of \(torn.count) facts of the torn batch of fact \(torn.first) count as if it were whole"
    violated(Failure(invariant: .journalReads, detail: detail))
  }

  // MARK: The follower

  mutating func follow(_ batch: [Fact]) {
    let before = follower.sequence
    // The planted bug: the snapshot is taken before the last batch is folded, and named after it.
    let isDue = before / Int64(World.snapshotEvery) != (before + Int64(batch.count)) / Int64(World.snapshotEvery)
    let early = plant == .snapshotLacksLastBatch && isDue ? follower.encodeSnapshot() : nil
    for fact in batch {
      let why = follower.fold(fact)
      guard fits(why) else { return }
      ledger.apply(fact, follower)
    }
    guard isDue else { return }
    checkAccounts()
    disk.snapshot = SimDisk.Snapshot(sequence: follower.sequence, bytes: early ?? follower.encodeSnapshot())
  }

  /// Every GPU-millisecond up to the follower's last fact has one account, and a ledger that was written down and read
  /// back says the same.
  mutating func checkAccounts() {
    let sums = ledger.sums(by: .job, from: nil, to: nil, follower)
    if let account = Account.allCases.first(where: { sums.fleet.totals[$0] < 0 }) {
      violated(
        Failure(
          invariant: .accountsAreWhole, detail: "\(account) is \(sums.fleet.totals[account]) at fact \(ledger.sequence)"
        ))
    }
    if sums.fleet.totals.sum != sums.capacity {
      violated(
        Failure(
          invariant: .accountsAreWhole,
          detail: "\(sums.fleet.totals.sum) GPU-ms of \(sums.capacity) at fact \(ledger.sequence)"))
    }
    do throws(CodingError) {
      let again = try Ledger(ledger.encode(), follower)
      guard again.sums(by: .job, from: nil, to: nil, follower) != sums else { return }
      violated(Failure(invariant: .accountsAreWhole, detail: "read back they are others, at fact \(ledger.sequence)"))
    } catch {
      violated(Failure(invariant: .accountsAreWhole, detail: "\(error)"))
    }
  }

  mutating func compareWithFollower() {
    checkAccounts()
    guard follower.encodeSnapshot() != controller.cluster.encodeSnapshot() else { return }
    violated(
      Failure(
        invariant: .followerAgrees,
        detail: "writer at fact \(controller.cluster.sequence), follower at \(follower.sequence)"))
  }
}

extension Cluster {
  /// Applies a fact, or says why it cannot be: a harness must live to tell which seed it was.
  fileprivate mutating func fold(_ fact: Fact) -> String? {
    if let why = objection(to: fact) { return "fact \(sequence + 1) (\(fact.event)): \(why)" }
    apply(fact)
    return nil
  }
}
