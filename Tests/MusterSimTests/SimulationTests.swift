import Foundation
import MusterCore
import MusterProtocol
import Testing

@testable import MusterSim

@Suite struct SimulationTests {
  /// A: 16 devices for 100 s at 0; B: 16 for 50 s at 10; C: 8 for 30 s at 20. Nothing can pass B: when A ends, both of its
  /// nodes are B's.
  @Test("three jobs on two nodes wait as long as a person works out", arguments: [SimPolicy.fifo, .easy, .muster])
  func byHand(policy: SimPolicy) throws {
    let settings = try SimWorld.settings(SimWorld.fleet(2), "0,100,16\n10,50,16\n20,30,8\n", policy: policy)
    let results = SimWorld.run(settings).results
    #expect(SimWorld.waits(results) == [0, 90, 130])
    #expect(results.jobs.map { ($0.end ?? 0) - results.begin } == [100_000, 150_000, 180_000])
    #expect(results.accounts.productive == 1000 * (100 * 16 + 50 * 16 + 30 * 8))
    #expect(results.accounts.free == 1000 * 30 * 8 && results.accounts.sum == results.capacity)
    #expect(results.capacity == 1000 * 180 * 16)
  }

  /// A: 8 devices to 100 s at most; B: all 16, so not before that. C would run to 170 s and hold B up; D ends at 90 s.
  @Test("EASY backfill starts who ends before the first that waits, by minutes")
  func easyByHand() throws {
    let rows = "0,100,8,100\n10,50,16,50\n20,150,8,150\n30,60,8,60\n"
    #expect(try SimWorld.waits(SimWorld.fleet(2), limited: rows, policy: .easy) == [0, 90, 130, 0])
  }

  @Test("a job ends when its walltime is over, to the moment; who is done by then is done", arguments: [false, true])
  func walltimeEnds(isEasy: Bool) throws {
    // The last one fits in between if the first gives its node back at 600.
    let rows = "0,1000,8,600\n0,1200,8,1200\n0,600,16,600\n0,600,8,600"
    let waits = try SimWorld.waits(SimWorld.fleet(2), limited: rows, policy: isEasy ? .easy : .muster)
    #expect(waits == [nil, 0, 1200, 600])
  }

  /// One node. When the first job ends, the fourth starts, which may take 200 s at most, then the second (20,000 s) and the
  /// third. The last comes while the third runs.
  @Test("by age short jobs come first until others have waited long")
  func aged() throws {
    let rows = "0,100,8,200\n10,50,8,20000\n20,30000,8,40000\n30,50,8,200\n25000,50,8,200\n"
    #expect(try SimWorld.waits(SimWorld.fleet(1), limited: rows, policy: .aged) == [0, 140, 180, 70, 5200])
  }

  @Test("small jobs share a node, and who asks for more than a node takes whole ones")
  func shapes() throws {
    let results = SimWorld.run(try SimWorld.settings(SimWorld.fleet(2), "0,10,3\n0,10,5\n0,10,8\n20,10,9\n")).results
    #expect(SimWorld.waits(results) == [0, 0, 0, 0])
    #expect(results.accounts.rounding == 1000 * 10 * 7, "9 devices hold 16")
    #expect(results.accounts.productive == 1000 * 10 * (16 + 9) && results.accounts.sum == results.capacity)
  }

  @Test("a job over its walltime ends, what it did counts as used, and it is not completed")
  func walltime() throws {
    let fleet = SimWorld.fleet(1)
    let header = "submit_seconds,duration_seconds,devices,walltime_seconds"
    let trace = try Trace(SimWorld.csv("0,100,8,60\n0,50,8,50\n", header: header), format: .csv, fleet: fleet)
    let results = SimWorld.run(SimSettings(fleet: fleet, trace: trace, policy: .fifo)).results
    #expect(results.jobs.map(\.state) == ["timedOut", "completed"] && results.completed == 1)
    #expect(results.end - results.begin == 60_000 + 50_000)
    #expect(results.accounts.productive == 8 * (60_000 + 50_000) && results.accounts.sum == results.capacity)
  }

  /// One node that dies once during its only job; repaired in 600 s, and no fault after that until the job is done.
  private static func oneFault(checkpoint: Int64, restart: Int64) throws -> (SimResults, faultAt: Int64) {
    let fleet = SimWorld.fleet(1)
    var settings = try SimWorld.settings(fleet, "0,3600,4\n")
    let kind = FaultModel.Kind(cause: "board", scope: .node, count: 10, days: 1, repair: [600_000])
    settings.faults = FaultModel(name: "m", source: "", kinds: [kind])
    (settings.checkpointMilliseconds, settings.restartMilliseconds) = (checkpoint, restart)
    for seed in 1...UInt64(1000) {
      settings.seed = seed
      var stream = try FaultStream(#require(settings.faults), fleet: fleet, seed: seed)
      let (first, second) = (stream.untilNext() ?? 0, stream.untilNext() ?? 0)
      if first > 1_000_000, first < 3_000_000, second > 5_000_000 { return (SimWorld.run(settings).results, first) }
    }
    throw CancellationError()
  }

  @Test(
    "after a fault the work since the last checkpoint is done again, after the repair and the restart",
    arguments: [(0, 0), (0, 30_000), (60_000, 0), (300_000, 45_000)] as [(Int64, Int64)])
  func fault(checkpoint: Int64, restart: Int64) throws {
    let (results, faultAt) = try Self.oneFault(checkpoint: checkpoint, restart: restart)
    let kept = checkpoint == 0 ? 0 : faultAt / checkpoint * checkpoint
    let job = results.jobs[0]
    #expect(job.attempts == 2 && job.faults == 1 && job.redoneMilliseconds == faultAt - kept)
    #expect((job.end ?? 0) - results.begin == faultAt + 600_000 + restart + 3_600_000 - kept)
    #expect(job.waitMilliseconds == 600_000 + restart)
    let accounts = results.accounts
    #expect(accounts.productive == 4 * 3_600_000 && accounts.redone == 4 * (faultAt - kept))
    #expect(accounts.starting == 4 * restart && accounts.broken == 8 * 600_000)
    #expect(accounts.sum == results.capacity && results.faultCounts == [1])
  }

  @Test("a healthy gang keeps its nodes; a spare takes the place of the one that died")
  func spare() throws {
    var settings = try SimWorld.settings(SimWorld.fleet(4), "0,86400,24\n")
    let kind = FaultModel.Kind(cause: "board", scope: .node, count: 4, days: 1, repair: [3_600_000])
    settings.faults = FaultModel(name: "m", source: "", kinds: [kind])
    settings.checkpointMilliseconds = 60_000
    settings.keepsFacts = true
    var simulation = Simulation(settings)
    while simulation.advance(moments: 10) {}
    var last: [Place] = []
    var (endedAt, atOnce) = (Instant.never, 0)
    for fact in simulation.takeFacts() {
      if case .attemptEnded = fact.event { endedAt = fact.at }
      guard case .attemptStarted(let started) = fact.event else { continue }
      #expect(started.resumeStep % 60 == 0)
      // Where two nodes were out it had to wait, and may be placed anew.
      if fact.at == endedAt {
        #expect(zip(last, started.places).count(where: { $0.node != $1.node }) == 1)
        atOnce += 1
      }
      last = started.places
    }
    let results = simulation.results()
    #expect(results.jobs[0].faults > 0 && atOnce > 0 && results.completed == 1)
  }

  @Test("a fleet with levels says them to the core, and its nodes where they stand")
  func levels() throws {
    let text = "levels: [block, rack]\ncounts: [2, 2]\nnodesPerRack: 3\ndevicesPerNode: 8\n"
    let fleet = try SimFleet(yaml: SimWorld.bytes(text))
    var settings = try SimWorld.settings(fleet, "0,60,48\n")
    settings.keepsFacts = true
    var simulation = Simulation(settings)
    while simulation.advance(moments: 10) {}
    var (levels, labels, places): ([String], [[Label]], [Place]) = ([], [], [])
    for fact in simulation.takeFacts() {
      if case .policyApplied(let policy) = fact.event { levels = policy.topology.levels }
      if case .nodeLabelled(_, let said) = fact.event { labels.append(said) }
      if case .attemptStarted(let started) = fact.event { places = started.places }
    }
    #expect(levels == ["block", "rack"] && labels.count == 12)
    #expect(labels.last?.map { "\($0.key)=\($0.value)" } == ["block=b2", "rack=r4"])
    #expect(Set(places.map { $0.node.index / 6 }).count == 1, "six nodes of one block")
  }

  @Test("segments lie in racks; what no rack holds is refused by the core and a rejected row")
  func segments() throws {
    let fleet = SimWorld.fleet(6, nodesPerRack: 3)
    let header = "submit_seconds,duration_seconds,devices,segment"
    let trace = try Trace(
      SimWorld.csv("0,60,32,4\n0,100,32,2\n10,50,8,\n", header: header), format: .csv, fleet: SimWorld.fleet(8))
    var settings = SimSettings(fleet: fleet, trace: trace, policy: .muster)
    settings.keepsFacts = true
    var simulation = Simulation(settings)
    while simulation.advance(moments: 10) {}
    let results = simulation.results()
    #expect(results.jobs.map(\.trace.line) == [3, 4] && results.completed == 2)
    #expect(results.rejected.map(\.line) == [2] && results.rejected[0].reason.contains("segment"))
    var racks: [Int32] = []
    for fact in simulation.takeFacts() {
      if case .attemptStarted(let started) = fact.event, started.places.count == 4 {
        racks = started.places.map { $0.node.index / 3 }
      }
    }
    #expect(racks.count == 4 && racks[0] == racks[1] && racks[2] == racks[3] && racks[0] != racks[2])
  }

  /// Everything at once, on a fleet so small and so bad that all of it meets: racks, lemons, faults without a node to
  /// blame, jobs on parts of nodes.
  @Test("every account is counted on its own and all come to the capacity", arguments: 1...UInt64(12))
  func accountsSum(seed: UInt64) throws {
    let results = SimWorld.run(try Self.rough(seed: seed)).results
    #expect(results.accounts.sum == results.capacity)
    #expect(results.accounts.broken > 0 && results.accounts.redone > 0 && results.accounts.starting > 0)
    #expect(results.completed == results.jobs.count)
    for job in results.jobs { #expect((job.waitMilliseconds ?? -1) >= 0) }
    // The plots' sums are kept beside the accounts, by another way.
    let held = results.use.pieces.reduce(0) { $0 + $1.held }
    let accounts = results.accounts
    #expect(held == accounts.delivered + accounts.rounding)
    #expect(results.use.pieces.reduce(0) { $0 + $1.out } == accounts.broken + accounts.isolated)
    #expect(results.use.pieces.reduce(0) { $0 + $1.free } == accounts.free)
  }

  private static func rough(seed: UInt64) throws -> SimSettings {
    var chance = Chance(seed: seed, purpose: 7)
    var rows = ""
    for _ in 0..<60 {
      rows += "\(chance.between(0, 40_000)),\(chance.between(1, 20_000)),\(chance.between(1, 40))\n"
    }
    let fleet = SimWorld.fleet(10, nodesPerRack: 3)
    var settings = try SimWorld.settings(fleet, rows)
    settings.faults = FaultModel(
      name: "rough", source: "",
      kinds: [
        FaultModel.Kind(cause: "gpu", scope: .device, count: 1, days: 20, repair: [1_000, 7_200_000]),
        FaultModel.Kind(cause: "switch", scope: .rack, count: 1, days: 5, repair: [60_000, 600_000, 3_600_000]),
        FaultModel.Kind(cause: "software", scope: .node, count: 1, days: 1, takesOut: false, repair: []),
      ], lemons: FaultModel.Lemons(perThousandNodes: 300, times: 10))
    settings.checkpointMilliseconds = seed % 3 == 0 ? 0 : 300_000
    settings.restartMilliseconds = 90_000
    settings.seed = seed
    return settings
  }

  @Test("two runs of the same input are the same to the last byte; another seed is another run")
  func isDeterministic() throws {
    func outcome(_ seed: UInt64) throws -> String {
      let (results, hash) = SimWorld.run(try Self.rough(seed: seed))
      let json = results.json(inputSha256: "", stateHash: String(hash), wallSeconds: 0).text
      return json + results.jobsCSV + results.page(title: "t")
    }
    let once = try outcome(5)
    #expect(try outcome(5) == once)
    var other = try Self.rough(seed: 5)
    other.seed = 6
    let (a, b) = (SimWorld.run(other), SimWorld.run(try Self.rough(seed: 5)))
    #expect(a.stateHash != b.stateHash)
  }

  /// What another program found that shares no code with this one; see docs/simulator.md.
  @Test(
    "Philly's busiest fortnight waits as long as in an independent replay",
    arguments: [
      (64, .fifo, 34_146, 43_241), (64, .sjf, 2_658, 11_752), (32, .fifo, 623_303, 632_397),
      (32, .sjf, 13_631, 22_725), (16, .fifo, 2_022_742, 2_031_836), (16, .sjf, 46_933, 56_028),
    ] as [(Int32, SimPolicy, Int64, Int64)])
  func fortnight(nodes: Int32, policy: SimPolicy, wait: Int64, completion: Int64) throws {
    guard let shared = SimWorld.shared else {
      print("skipped: ../shared/data is absent")
      return
    }
    let data = try Data(contentsOf: shared.appending(path: "philly-2017/philly.csv"))
    let window = TraceWindow(from: TraceFormat.philly.moment("2017-10-09"), to: TraceFormat.philly.moment("2017-10-23"))
    let fleet = SimWorld.fleet(nodes)
    let trace = try Trace(Array(data), format: .philly, fleet: fleet, window: window)
    let results = SimWorld.run(SimSettings(fleet: fleet, trace: trace, policy: policy)).results
    #expect(results.completed == 26_936)
    let completions = results.jobs.reduce(0) { $0 + ($1.end ?? 0) - $1.trace.submitMilliseconds }
    #expect((completions / 26_936 + 500) / 1000 == completion)
    #expect((results.waits.reduce(0, +) / 26_936 + 500) / 1000 == wait)
  }

  @Test("a day of Philly on 256 GPUs is run to its end, twice the same")
  func philly() throws {
    guard let shared = SimWorld.shared else {
      print("skipped: ../shared/data is absent")
      return
    }
    let data = try Data(contentsOf: shared.appending(path: "philly-2017/philly.csv"))
    let fleet = SimWorld.fleet(32)
    let window = TraceWindow(from: TraceFormat.philly.moment("2017-10-09"), to: TraceFormat.philly.moment("2017-10-10"))
    let trace = try Trace(Array(data), format: .philly, fleet: fleet, window: window)
    var settings = SimSettings(fleet: fleet, trace: trace, policy: .muster)
    settings.faults = FaultModel.preset("rsc1")
    (settings.checkpointMilliseconds, settings.restartMilliseconds) = (1_800_000, 180_000)
    let (results, hash) = SimWorld.run(settings)
    #expect(
      results.completed == trace.jobs.count && trace.jobs.count > 500 && results.accounts.sum == results.capacity)
    let again = SimWorld.run(settings)
    #expect(again.stateHash == hash && again.results.jobs == results.jobs)
  }

  @Test("a job that can never get through ends the simulation, unfinished")
  func hopeless() throws {
    var settings = try SimWorld.settings(SimWorld.fleet(1), "0,8640000,8\n")
    let kind = FaultModel.Kind(cause: "x", scope: .node, count: 24, days: 1, repair: [1_000])
    settings.faults = FaultModel(name: "m", source: "", kinds: [kind])
    let results = SimWorld.run(settings).results
    #expect(results.completed == 0 && results.jobs[0].end == nil && results.jobs[0].faults > 1000)
    #expect(results.accounts.sum == results.capacity)
  }

  @Test("the page needs nothing from elsewhere and has every plot")
  func page() throws {
    let page = SimWorld.run(try Self.rough(seed: 1)).results.page(title: "<a> & b")
    #expect(page.contains("<title>&lt;a&gt; &amp; b</title>"))
    for word in ["http", "src=", "href=", "<script", "@import", "url("] { #expect(!page.contains(word), "\(word)") }
    for heading in ["Where the GPU time went", "Use over time", "partly used", "Waits by size", "Waits by project"] {
      #expect(page.contains(heading))
    }
    #expect(page.contains("prefers-color-scheme:dark"))
    for tag in ["svg", "table", "tr", "td", "p", "i"] {
      let opened = page.matches(of: try Regex("<\(tag)[ >]")).count
      #expect(opened == page.matches(of: try Regex("</\(tag)>")).count, "\(tag)")
    }
  }

  @Test("a row for each job, with exact seconds")
  func jobsCSV() throws {
    let results = SimWorld.run(try SimWorld.settings(SimWorld.fleet(1), "0,1.5,8\n1,2.25,8\n")).results
    #expect(
      results.jobsCSV == """
        \(SimResults.csvHeader)
        2,default,nobody,0,8,1,1.500,0,1.500,0,0,1,0,0,completed
        3,default,nobody,1,8,1,2.250,1.500,3.750,0.500,0,1,0,0,completed

        """)
  }

  @Test("its moments are those of the file's own seconds, wherever the simulation begins")
  func jobsCSVFrom() throws {
    let fleet = SimWorld.fleet(1)
    let rows = SimWorld.csv("5,1,8\n100,20,8\n130,5,8\n")
    let trace = try Trace(rows, format: .csv, fleet: fleet, window: TraceWindow(from: Trace.csvEpoch + 90_000, to: nil))
    let csv = SimWorld.run(SimSettings(fleet: fleet, trace: trace, policy: .fifo)).results.jobsCSV
    let cells = csv.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    #expect(cells.map { $0[3] } == ["100", "130"] && cells.map { $0[8] } == ["120", "135"])
  }
}
