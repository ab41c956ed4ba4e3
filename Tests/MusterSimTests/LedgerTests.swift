import MusterCore
import Testing

@testable import MusterSim

/// The ledger folds the facts of a simulation, and the simulator knows where the time went without them.
@Suite struct LedgerTests {
  /// A cluster and its ledger after the same facts.
  struct Fold: ~Copyable {
    var cluster = Cluster()
    var ledger = Ledger()
    /// The same, with all jobs as spans; and one that is written down and read back now and then.
    var spans = Ledger(keptDays: nil)
    var read = Ledger()

    mutating func add(_ facts: [Fact]) {
      for fact in facts {
        cluster.apply(fact)
        ledger.apply(fact, cluster)
        spans.apply(fact, cluster)
        read.apply(fact, cluster)
      }
    }
  }

  /// A month: faults, lost nodes that come back, jobs that preempt others, checkpoints every 10 minutes.
  static func month(seed: UInt64) throws -> SimSettings {
    let fleet = SimWorld.fleet(48, nodesPerRack: 16)
    var chance = Chance(seed: seed, purpose: 6)
    var rows: [String] = []
    for _ in 0..<420 {
      let at = chance.below(30 * 86_400)
      let hours = 1 + chance.below(30)
      let devices = [8, 16, 16, 32, 64, 128][Int(chance.below(6))]
      let duration = hours * 3600 + chance.below(3600)
      let project = chance.below(3)
      rows.append("\(at),\(duration),\(devices),\(duration * 2),p\(project),u\(chance.below(5)),\(chance.below(3))\n")
    }
    let header = "submit_seconds,duration_seconds,devices,walltime_seconds,project,user,priority"
    let trace = try Trace(SimWorld.csv(rows.joined(), header: header), format: .csv, fleet: fleet)
    var settings = SimSettings(fleet: fleet, trace: trace, policy: .muster)
    let kinds = [
      FaultModel.Kind(
        cause: "board", scope: .node, count: 150, days: 10_000, repair: [600_000, 7_200_000, 90_000_000]),
      FaultModel.Kind(cause: "bug", scope: .node, count: 100, days: 10_000, takesOut: false, repair: []),
    ]
    settings.faults = FaultModel(name: "m", source: "", kinds: kinds)
    (settings.checkpointMilliseconds, settings.restartMilliseconds, settings.seed) = (600_000, 120_000, seed)
    settings.keepsFacts = true
    return settings
  }

  @Test("a month of faults and preemptions: each account is the simulator's own, and together they are the capacity")
  func month() throws {
    for seed: UInt64 in 1...4 {
      var simulation = Simulation(try Self.month(seed: seed))
      var fold = Fold()
      var looks = 0
      while simulation.advance(moments: 100) {
        fold.add(simulation.takeFacts())
        looks += 1
        guard looks % 20 == 0 else { continue }
        try Self.compare(&fold, seed: seed &+ UInt64(looks))
        let sums = fold.ledger.sums(by: .job, from: nil, to: nil, fold.cluster)
        #expect(sums.capacity == sums.fleet.totals.sum, "seed \(seed), at \(sums.to)")
        // The short ways that answers about one job take.
        let held = fold.ledger.heldByUser(fold.cluster)
        for row in fold.ledger.sums(by: .user, from: nil, to: nil, fold.cluster).rows where row.key >= 0 {
          #expect(held[Int(row.key)] == row.held)
          let own = fold.ledger.heldByUser(fold.cluster, of: Int32(row.key))
          #expect(own.reduce(0, +) == row.held && own[Int(row.key)] == row.held)
        }
        for row in sums.rows.suffix(3) where row.key >= 1 {
          #expect(fold.ledger.sums(by: .job, from: nil, to: nil, job: row.key, fold.cluster).rows == [row])
          #expect(fold.ledger.shapes(of: row.key)[row.key] == fold.ledger.shapes()[row.key])
        }
      }
      fold.add(simulation.takeFacts())
      try Self.compare(&fold, seed: seed)
      #expect(fold.ledger.spans.count < fold.spans.spans.count / 2, "most jobs ended more than eight days ago")
      fold.ledger.advance(to: simulation.end)
      let sums = fold.ledger.sums(by: .project, from: nil, to: nil, fold.cluster)
      #expect(sums.capacity == simulation.capacity && sums.fleet.totals.sum == sums.capacity)
      #expect(simulation.truth.sum == simulation.capacity)
      for account in Account.allCases where account != .heldForGang {
        let found = sums.fleet.totals[account] + (account == .free ? sums.fleet.totals[.heldForGang] : 0)
        let off = found - simulation.truth[account]
        #expect(off == 0, "seed \(seed): \(account) is \(found), \(simulation.truth[account]) by the simulator")
      }
      #expect(sums.fleet.totals[.preempted] > 0 && sums.fleet.totals[.redone] > 0 && sums.fleet.totals[.broken] > 0)
    }
  }

  @Test("what a job did until its walltime was over counts, for the simulator and for the ledger", arguments: [0, 400])
  func walltime(checkpointSeconds: Int64) throws {
    let fleet = SimWorld.fleet(1)
    let header = "submit_seconds,duration_seconds,devices,walltime_seconds"
    let trace = try Trace(SimWorld.csv("0,1000,8,500\n", header: header), format: .csv, fleet: fleet)
    var settings = SimSettings(fleet: fleet, trace: trace, policy: .muster)
    (settings.checkpointMilliseconds, settings.keepsFacts) = (checkpointSeconds * 1_000, true)
    var simulation = Simulation(settings)
    var fold = Fold()
    while simulation.advance(moments: 100) { fold.add(simulation.takeFacts()) }
    fold.add(simulation.takeFacts())
    fold.ledger.advance(to: simulation.end)
    let totals = fold.ledger.sums(by: .job, from: nil, to: nil, fold.cluster).fleet.totals
    // Its time is over a millisecond after it, on eight devices.
    #expect((4_000_000...4_000_008).contains(simulation.truth[.productive]))
    #expect((4_000_000...4_000_008).contains(totals[.productive]) && totals[.unattributed] <= 8)
  }

  /// Sums of jobs that ended long ago are what their spans come to, for any stretch of time, and reading back changes
  /// nothing.
  static func compare(_ fold: inout Fold, seed: UInt64) throws {
    fold.read = try Ledger(fold.read.encode(), fold.cluster)
    #expect(fold.read.encode() == fold.ledger.encode())
    var chance = Chance(seed: seed, purpose: 7)
    let length = fold.ledger.now - fold.ledger.begin
    for i in 0..<12 {
      let from = fold.ledger.begin + chance.between(0, length - 1)
      let to = chance.between(from + 1, fold.ledger.now + 1)
      let stretch: (from: Int64?, to: Int64?) = i == 0 ? (nil, nil) : (from, to)
      for key in LedgerKey.allCases where key != .job {
        let sums = fold.ledger.sums(by: key, from: stretch.from, to: stretch.to, fold.cluster)
        #expect(
          sums == fold.spans.sums(by: key, from: stretch.from, to: stretch.to, fold.cluster), "\(key), seed \(seed)")
      }
      let project = Int32(i % fold.ledger.names.count)
      #expect(
        fold.ledger.sums(by: .user, from: stretch.from, to: stretch.to, project: project, fold.cluster)
          == fold.spans.sums(by: .user, from: stretch.from, to: stretch.to, project: project, fold.cluster))
      let sums = fold.ledger.sums(by: .job, from: stretch.from, to: stretch.to, fold.cluster)
      let all = fold.spans.sums(by: .job, from: stretch.from, to: stretch.to, fold.cluster)
      #expect(sums.fleet == all.fleet && sums.capacity == all.capacity)
      var rest = all.fleet.totals.sum
      for row in sums.rows where row.key != LedgerRow.olderJobs {
        #expect(all.row(row.key) == row, "job \(row.key), seed \(seed)")
        rest -= row.totals.sum
      }
      #expect((sums.row(LedgerRow.olderJobs)?.totals.sum ?? 0) == rest)
      if i == 0 { #expect(rest == 0) }
    }
  }
}
