import Foundation
import Hummingbird
import Logging
import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol
import Testing

@testable import MusterServer

/// A fleet of two nodes, told as facts.
private struct Story: ~Copyable {
  var cluster = Cluster()
  var ledger = Ledger()

  static func at(_ hours: Double) -> Instant { Instant.at(1_790_000_000_000 + Int64(hours * 3_600_000)) }

  init() {
    for i in 0..<Int32(2) {
      let type = i == 0 ? "NVIDIA H100 80GB HBM3" : "L4"
      say(
        0,
        .nodeJoined(
          NodeJoined(node: NodeID(i), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8, deviceType: type)))
    }
  }

  mutating func say(_ hours: Double, _ event: Fact.Event) {
    let fact = Fact(at: Self.at(hours), event)
    cluster.apply(fact)
    ledger.apply(fact, cluster)
  }

  /// Starts at once; its work goes on after a while; it completes.
  mutating func job(
    _ number: Int64, _ project: String, node: Int32, from: Double, works: Double, to: Double, user: String = "ada"
  ) {
    let role = RoleSpec(nodes: 1, devicesPerNode: 8, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
    let (job, attempt) = (JobID(number), AttemptID(job: JobID(number), number: 1))
    say(
      from,
      .jobSubmitted(JobSubmitted(job: job, spec: JobSpec(name: "j\(number)", project: project, user: user, role: role)))
    )
    let place = Place(node: NodeID(node), devices: 0xff)
    say(from, .attemptStarted(AttemptStarted(attempt: attempt, places: [place], resumeStep: 0)))
    say(
      to,
      .attemptEnding(
        AttemptEnding(
          attempt: attempt, outcome: .finished, lastStep: 1_000_000, firstStepAt: Self.at(works),
          lastStepAt: Self.at(to))))
    say(to, .memberStopped(member: MemberID(attempt: attempt, index: 0), how: .confirmed))
    say(to, .attemptEnded(AttemptEnded(attempt: attempt, strikes: 0)))
    say(to, .jobEnded(JobEnded(job: job, state: .completed, reason: "", exitCode: 0)))
  }

  func view(_ job: Int64, _ efficiency: Efficiency = Efficiency()) throws -> EfficiencyView {
    let found = ledger.bases(job: job, limit: 10, cluster)
    return EfficiencyView(
      basis: try #require(found.jobs.first), efficiency: efficiency, day: "2026-12-01", warning: nil)
  }
}

@Suite struct EfficiencyTests {
  private static func story() -> Story {
    var story = Story()
    // Four of ten hours of starting; a short one that only worked.
    story.job(1, "vision", node: 0, from: 0, works: 4, to: 10)
    story.job(2, "speech", node: 1, from: 0, works: 0.0001, to: 2, user: "grace")
    return story
  }

  private static var priced: Efficiency {
    var efficiency = Efficiency()
    efficiency.prices = PriceBook([
      .init(date: "2026-10-05", currency: "USD", source: "list", gpuHour: [.init(type: "H100", price: 3.99)])
    ])
    return efficiency
  }

  @Test("what the ledger knows of a job is its evidence")
  func basis() throws {
    let story = Self.story()
    let basis = try story.view(1).basis
    #expect(basis.name == "j1" && basis.project == "vision" && basis.user == "ada" && basis.state == .completed)
    #expect(basis.evidence.devicesAsked == 8 && basis.evidence.deviceType == "NVIDIA H100 80GB HBM3")
    #expect(basis.evidence.seconds == 36_000 && basis.evidence.gpuHoursHeld == 80)
    #expect(basis.evidence.userGPUHours == 80 && basis.evidence.hasCompleted)
    #expect(abs(Double(basis.evidence.accounts.starting) / 3_600_000 - 32) < 0.1)
  }

  @Test("a job's findings have their cost by the price that holds")
  func cost() throws {
    let story = Self.story()
    let view = try story.view(1, Self.priced).json
    let finding = try #require(view["findings"]?.arrayValue?.first)
    #expect(finding["kind"] == "starting" && finding["severity"] == "warn")
    let hours = try #require(finding["gpuHours"]?.doubleValue)
    #expect(abs(hours - 32) < 0.1)
    #expect(abs((finding["costAWeek"]?.doubleValue ?? 0) - hours * 16.8 * 3.99) < 1)
    #expect(view["cost"]?["price"]?["source"] == "list")
    #expect(abs((view["cost"]?["held"]?.doubleValue ?? 0) - 80 * 3.99) < 0.01)
  }

  @Test("without a price there is no money, and it says why")
  func noPrice() throws {
    let story = Self.story()
    #expect(try story.view(1).json["cost"]?["noPriceReason"] == "no price book")
    #expect(try story.view(2, Self.priced).json["cost"]?["noPriceReason"] == "no price for L4")
    #expect(try story.view(2).json["noFindingsReason"]?.stringValue?.contains("no counters") == true)
    var basis = try story.view(2).basis
    basis.evidence.devices = JobDevices(deviceType: "L4")
    let view = EfficiencyView(basis: basis, efficiency: Efficiency(), day: "2026-12-01", warning: nil)
    #expect(view.json["noFindingsReason"]?.stringValue?.contains("saw too little") == true)
  }

  @Test("waste stands by job, project and user, worst first, in pages", arguments: WasteKey.allCases)
  func waste(key: WasteKey) throws {
    var story = Self.story()
    story.job(3, "vision", node: 0, from: 10, works: 11, to: 14)
    let views = try (Int64(1)...3).map { try story.view($0, Self.priced) }
    let waste = WasteView(by: key, of: views.map(\.basis), BesideLedger(), Self.priced, day: "2026-12-01")
    let all = JSON.object(waste.members(after: 0, limit: 10))
    let rows = try #require(all["rows"]?.arrayValue)
    let keys: [JSON] =
      switch key {
      case .job: [1, 3]
      case .project: ["vision"]
      case .user: ["ada"]
      }
    #expect(rows.compactMap { $0["key"] } == keys)
    #expect(all["all"]?["gpuHoursHeld"]?.doubleValue == 128 && all["next"] == .null)
    #expect(all["all"]?["kinds"]?.arrayValue?.first?["worstJob"] == 1)
    // It is put into words after all has been added up.
    let told = try #require(views[0].findings.first?.sentence)
    #expect(all["all"]?["kinds"]?.arrayValue?.first?["sentence"] == .string(told))
    let first = key == .job ? rows[0]["findings"] : rows[0]["kinds"]
    #expect(first?.arrayValue?.first?["sentence"] == .string(told))
    let page = JSON.object(waste.members(after: 1, limit: 1))
    #expect(page["rows"]?.arrayValue?.count == keys.count - 1)
    #expect(JSON.object(waste.members(after: 0, limit: 1))["next"] == (keys.count > 1 ? 1 : .null))
  }

  @Test("a job that a stretch of time cuts is told as a part of its run, one that lies in it is not")
  func part() {
    let story = Self.story()
    func parts(_ from: Int64?, _ to: Int64?) -> [Int64: Bool] {
      func at(_ hours: Int64) -> Int64 { 1_790_000_000_000 + hours * 3_600_000 }
      let found = story.ledger.bases(from: from.map(at), to: to.map(at), limit: 10, story.cluster)
      return found.jobs.reduce(into: [:]) { $0[$1.id] = $1.evidence.isPart }
    }
    #expect(parts(nil, nil) == [1: false, 2: false] && parts(-1, nil) == [1: false, 2: false])
    #expect(parts(nil, 3) == [1: true, 2: false] && parts(1, nil) == [1: true, 2: true])
  }

  @Test("rows of jobs by their projects are what projects' own sums are")
  func byProject() throws {
    var story = Self.story()
    story.job(3, "vision", node: 0, from: 10, works: 11, to: 14)
    for from in [nil, 1_790_000_000_000 + 9 * 3_600_000] as [Int64?] {
      let byJob = story.ledger.sums(by: .job, from: from, to: nil, story.cluster)
      let found = story.ledger.byProject(byJob)
      let byProject = try #require(found)
      #expect(byProject.rows.count >= 2 && byProject.rows.first?.key == -1)
      let own = story.ledger.sums(by: .project, from: from, to: nil, story.cluster)
      #expect(byProject == own)
    }
  }

  @Test("what MFU is told from in short is what it is told from in full")
  func inShort() throws {
    let story = Self.story()
    let sums = story.ledger.sums(by: .job, from: nil, to: nil, story.cluster)
    let short = story.ledger.mfuBases(of: sums.rows, limit: 10, story.cluster)
    let full = story.ledger.bases(limit: 10, story.cluster).jobs
    #expect(short.count == 2 && short.map(\.id) == full.map(\.id))
    var devices = JobDevices(deviceType: "H100-SXM5-80GB")
    var sample = DeviceSample(seconds: 1)
    (sample[.tensor], sample[.smClock]) = (0.5, 1_500)
    let interval = DeviceInterval([sample][...], times: [.working: 10_000])
    let rollup = NodeRollup(start: 1_000, length: 10_000, source: .nvmlGPM, devices: [])
    devices.add(interval, of: 0, node: 0, attempt: 1, in: rollup)
    let beside = BesideLedger(devices: [JobID(1): devices])
    for (short, full) in zip(short, full) {
      let told = beside.mfu(of: short)
      #expect(told.counters == beside.seen(full).evidence.counterMFU)
      #expect(told.declared == nil && (told.counters != nil) == (short.id == 1))
      #expect(Double(short.held) / 3_600_000 == full.evidence.gpuHoursHeld)
      #expect(story.ledger.names[Int(short.project)] == full.project)
    }
    #expect(story.ledger.mfuBases(of: sums.rows, limit: 1, story.cluster).count == 1)
  }

  @Test("what is gathered beside the ledger comes to its own job, and to no other")
  func besideLedger() throws {
    let story = Self.story()
    var (first, second) = (try story.view(1).basis, try story.view(2).basis)
    (first.hasModel, second.hasModel) = (true, false)
    let beside = BesideLedger(
      devices: [JobID(1): JobDevices(deviceType: "L4")],
      warnings: [JobID(2): IdleWarning(attempt: 1, at: 0, text: "idle")])
    #expect(beside.seen(first).evidence.devices?.deviceType == "L4" && beside.seen(second).evidence.devices == nil)
    // No step was said: its model tells nothing.
    #expect(beside.seen(first).evidence.declaredMFU == nil)
    #expect(beside.view(first, Efficiency(), day: "2026-12-01").warning == nil)
    #expect(beside.view(second, Efficiency(), day: "2026-12-01").warning?.text == "idle")
  }

  @Test("money of several currencies, or of what has no price, is no sum")
  func money() {
    let quote = Self.priced.prices.quote(type: "H100", on: "2026-12-01")
    var money = Money()
    money.add(2, quote)
    #expect(money.json == ["amount": 7.98, "currency": "USD"])
    money.add(0, nil)
    #expect(money.json != .null)
    money.add(1, nil)
    #expect(money.json == .null)
  }

  @Test("a project's accounts are its own, and goodput is a product of what is known")
  func factors() throws {
    let story = Self.story()
    let number = Int32(try #require(story.ledger.names.firstIndex(of: "vision")))
    let sums = story.ledger.sums(by: .day, from: nil, to: nil, project: number, story.cluster)
    #expect(sums.capacity == 0 && sums.fleet.held == 80 * 3_600_000)
    #expect(sums.rows.reduce(0) { $0 + $1.held } == sums.fleet.held)
    let whole = story.ledger.sums(by: .project, from: nil, to: nil, story.cluster)
    var factors = GoodputFactors(whole.fleet, capacity: whole.capacity)
    #expect(abs((factors.scheduling ?? 0) - 96.0 / 160) < 1e-6)
    #expect(abs((factors.runtime ?? 0) - (48 + 16) / 96.0) < 0.001)
    #expect(factors.program == nil && factors.product == nil)
    factors.add(JobMFU(counters: nil, declared: 0.4), hours: 80)
    #expect(factors.program == 0.4)
    // What cannot be is no part of it.
    factors.add(JobMFU(counters: nil, declared: 27.06), hours: 16)
    #expect(factors.program == 0.4)
    let told = JSON.object(factors.members)
    #expect(told["declaredMFU"] == 0.4 && told["counterMFU"] == .null)
    #expect(abs((factors.product ?? 0) - 0.6 * (64 / 96.0) * 0.4) < 0.001)
  }

  @Test("what jobs have held in one account is that of the sums, also of one that still runs")
  func heldInAccount() {
    var story = Self.story()
    #expect(story.ledger.held(in: .starting, by: [], story.cluster).isEmpty)
    let before = story.ledger.sums(by: .job, from: nil, to: nil, story.cluster)
    let four = before.rows.first { $0.key == 1 }?.totals[.starting] ?? 0
    #expect(four > 3 * 8 * 3_600_000)
    #expect(story.ledger.held(in: .starting, by: [1], story.cluster) == [1: four])
    #expect(story.ledger.held(in: .hung, by: [1, 2], story.cluster).isEmpty)
    let (job, attempt) = (JobID(3), AttemptID(job: JobID(3), number: 1))
    let role = RoleSpec(nodes: 1, devicesPerNode: 8, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
    let spec = JobSpec(name: "j3", project: "vision", user: "ada", role: role)
    story.say(10, .jobSubmitted(JobSubmitted(job: job, spec: spec)))
    let place = Place(node: NodeID(0), devices: 0xff)
    story.say(10, .attemptStarted(AttemptStarted(attempt: attempt, places: [place], resumeStep: 0)))
    story.ledger.advance(to: Story.at(11).nanoseconds / 1_000_000)
    let sums = story.ledger.sums(by: .job, from: nil, to: nil, story.cluster)
    let starting = sums.rows.first { $0.key == 3 }?.totals[.starting] ?? 0
    #expect(starting == 8 * 3_600_000)
    #expect(story.ledger.held(in: .starting, by: [3], story.cluster) == [3: starting])
  }

  @Test("the worst waste is looked for once for all who ask, until a twentieth of the time has gone into it")
  func worst() async throws {
    let worst = WorstWaste()
    let looks = Counted()
    for _ in 0..<3 {
      let answer = try await worst.answer { .int(await looks.next()) }
      #expect(answer == 1)
    }
    // One that fails leaves nothing behind.
    let other = WorstWaste()
    await #expect(throws: CancellationError.self) { _ = try await other.answer { throw CancellationError() } }
    #expect(try await other.answer { .int(await looks.next()) } == 2)
  }

  private actor Counted {
    private var count: Int64 = 0
    func next() -> Int64 {
      count += 1
      return count
    }
  }

  @Test("a changed file is read again; a wrong one changes nothing")
  func reread() throws {
    let folder = NSTemporaryDirectory() + "muster-efficiency-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let path = folder + "/efficiency.yaml"
    func write(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }
    #expect(throws: EfficiencySource.Failure.self) { _ = try EfficiencySource(path: path) }
    try write("thresholds: {hung: 2}")
    #expect(throws: EfficiencySource.Failure.self) { _ = try EfficiencySource(path: path) }
    try write("thresholds: {hung: 0.2}")
    let source = try EfficiencySource(path: path)
    let logger = Logger(label: "test")
    try write("thresholds: {hung: 0.3, source: we}")
    source.refresh(logger)
    #expect(source.current.thresholds[.hung].value == 0.3)
    try write("thresholds: {hung: nothing at all}")
    source.refresh(logger)
    #expect(source.current.thresholds[.hung].value == 0.3)
  }

  @Test("the routes answer with what they say, and refuse what they do not know")
  func routes() async throws {
    try await withServer { ask async throws in
      #expect(try await ask(.post, "/v1/jobs", #"{"command":["true"],"gang":{"devicesPerNode":1}}"#, [:]).status == 201)
      let job = try await ask(.get, "/v1/jobs/1/efficiency", "", [:]).json
      #expect(job["id"] == 1 && job["state"] == "pending" && job["findings"] == .array([]) && job["idle"] == .null)
      #expect(try await ask(.get, "/v1/jobs/2/efficiency", "", [:]).status == 404)
      let settings = try await ask(.get, "/v1/efficiency", "", [:]).json
      #expect(settings["thresholds"]?.arrayValue?.count == Threshold.allCases.count && settings["file"] == .null)
      #expect(settings["thresholds"]?.arrayValue?.first?["valueSeconds"]?.doubleValue == 600)
      let waste = try await ask(.get, "/v1/waste?by=project&project=default", "", [:]).json
      #expect(waste["rows"] == .array([]) && waste["hasPrices"] == false && waste["next"] == .null)
      #expect(try await ask(.get, "/v1/waste?by=node", "", [:]).status == 400)
      #expect(try await ask(.get, "/v1/waste?limit=0", "", [:]).status == 400)
      let goodput = try await ask(.get, "/v1/goodput?by=day", "", [:]).json
      #expect(goodput["whole"]?["program"] == .null && goodput["by"] == "day")
      #expect(try await ask(.get, "/v1/goodput?by=job", "", [:]).status == 400)
      let top = try await ask(.get, "/v1/top?project=default", "", [:]).json
      #expect(top["top"] == .array([]) && top["project"] == "default" && top["capacityGpuMilliseconds"] == .null)
      #expect(try await ask(.get, "/v1/top", "", [:]).json["worstWaste"] == .null)
    }
  }

  @Test("a project that nobody names gets no all-clear, and neither does a time in which nothing can have happened")
  func unknown() async throws {
    try await withServer { ask async throws in
      let job = #"{"command":["true"],"project":"vision","gang":{"devicesPerNode":1}}"#
      #expect(try await ask(.post, "/v1/jobs", job, [:]).status == 201)
      let policy = #"{"projects":[{"name":"lab"}]}"#
      #expect(try await ask(.put, "/v1/policy", policy, [:]).status < 300)
      for path in ["/v1/goodput?by=project", "/v1/waste?by=job", "/v1/top?limit=1"] {
        for name in ["nope", "", "unknown"] {
          let refused = try await ask(.get, "\(path)&project=\(name)", "", [:])
          #expect(refused.status == 404, "\(path) \(name)")
          #expect(try refused.json["error"]?["message"] == .string("there is no project \"\(name)\""))
          #expect(try refused.json["error"]?["remedy"] == "there are: lab, vision")
        }
        for name in ["lab", "vision"] {
          #expect(try await ask(.get, "\(path)&project=\(name)", "", [:]).status == 200, "\(path) \(name)")
        }
      }
      for path in ["/v1/goodput?by=project", "/v1/waste?by=job", "/v1/accounts?by=job"] {
        for stretch in ["from=2130-01-01T00:00:00Z", "to=2001-01-01T00:00:00Z"] {
          let refused = try await ask(.get, "\(path)&\(stretch)", "", [:])
          #expect(refused.status == 400, "\(path) \(stretch)")
          #expect(try refused.json["error"]?["message"]?.stringValue?.hasPrefix(stretch.prefix { $0 != "=" }) == true)
        }
        let all = try await ask(.get, "\(path)&from=2001-01-01T00:00:00Z&to=2130-01-01T00:00:00Z", "", [:]).json
        #expect((all["from"]?.stringValue ?? "9") <= all["to"]?.stringValue ?? "")
      }
    }
  }
}
