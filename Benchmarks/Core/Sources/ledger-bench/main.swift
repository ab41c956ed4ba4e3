// `swift run -c release ledger-bench`: what 1,000,000 ended attempts over 100 days weigh in the ledger and what questions
// cost, with all of them as spans (the first block) and with those of jobs that ended long ago folded into sums (the
// second). Milliseconds are medians of 7, on one thread; memory is what the ledger gives back when it is dropped.
import CCount
import Glibc
import MusterCore

let attempts = 1_000_000
let days: Int64 = 100
let nodes = 1_000
/// One attempt begins in each.
let tick = days * 86_400_000 / Int64(attempts)

func milliseconds() -> Double {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return Double(t.tv_sec) * 1000 + Double(t.tv_nsec) / 1e6
}

/// 1,000 nodes of two kinds, 200 users in 20 projects, attempts of a quarter of an hour to 2.3 hours on one node of 8
/// devices; one in ten is ended by a fault and followed by another of the same job.
struct Fleet: ~Copyable {
  var cluster = Cluster()
  var ledger: Ledger
  private var at = Instant(nanoseconds: 1_767_225_600 * 1_000_000_000)
  private var seed: UInt64 = 7
  private var jobs: Int64 = 0
  /// By tick: attempts that end in it, attempts that run from it on.
  private var ends: [Int: [AttemptID]] = [:]
  private var runs: [Int: [AttemptID]] = [:]
  private var again: [AttemptID] = []
  private var firstStep: [Int64: Instant] = [:]

  init(keptDays: Int64?) { ledger = Ledger(keptDays: keptDays) }

  mutating func draw(_ below: UInt64) -> Int64 {
    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int64((seed >> 33) % below)
  }

  mutating func say(_ event: Fact.Event) {
    at = at + .milliseconds(1)
    let fact = Fact(at: at, event)
    cluster.apply(fact)
    ledger.apply(fact, cluster)
  }

  mutating func run() {
    let begin = at
    for i in 0..<nodes {
      say(
        .nodeJoined(
          NodeJoined(
            node: NodeID(Int32(i)), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8,
            deviceType: i % 2 == 0 ? "H100" : "B200")))
    }
    for number in 0..<attempts {
      at = max(at, begin + .milliseconds(Int64(number) * tick))
      for id in ends.removeValue(forKey: number) ?? [] { end(id) }
      for id in runs.removeValue(forKey: number) ?? [] {
        say(.gangStarted(attempt: id))
        say(.stepsBegan(attempt: id, first: at))
        firstStep[id.job.number] = at
      }
      start(number)
    }
    for number in ends.keys.sorted() {
      at = max(at, begin + .milliseconds(Int64(number) * tick))
      for id in ends[number] ?? [] { end(id) }
    }
  }

  private mutating func start(_ number: Int) {
    let id: AttemptID
    if let failed = again.popLast() {
      id = AttemptID(job: failed.job, number: failed.number + 1)
    } else {
      jobs += 1
      id = AttemptID(job: JobID(jobs), number: 1)
      let user = draw(200)
      let role = RoleSpec(nodes: 1, devicesPerNode: 8, ranksPerNode: 8, command: ["x"], workingDirectory: "/")
      say(
        .jobSubmitted(
          JobSubmitted(
            job: id.job, spec: JobSpec(name: "j", project: "p\(user % 20)", user: "u\(user)", role: role))))
    }
    // Nobody runs for so many ticks that a node's turn comes again.
    let place = Place(node: NodeID(Int32(number % nodes)), devices: 0xff)
    say(.attemptStarted(AttemptStarted(attempt: id, places: [place], resumeStep: 0)))
    runs[number + 5, default: []].append(id)
    ends[number + 105 + Int(draw(850)), default: []].append(id)
  }

  private mutating func end(_ id: AttemptID) {
    let first = firstStep.removeValue(forKey: id.job.number) ?? at
    let isFault = id.number == 1 && draw(10) == 0
    say(
      .statusTold(
        attempt: id, times: StatusTimes(checkpointing: .seconds(60), straggling: .seconds(30), slowRank: 3)))
    say(.checkpointCommitted(attempt: id, step: 80))
    let last = at - .seconds(20)
    say(
      .attemptEnding(
        AttemptEnding(
          attempt: id, outcome: isFault ? .jobFault : .finished, lastStep: 100, firstStepAt: first, lastStepAt: last)))
    at = at + .milliseconds(5)
    say(.memberStopped(member: MemberID(attempt: id, index: 0), how: .confirmed))
    say(.attemptEnded(AttemptEnded(attempt: id, strikes: isFault ? 1 : 0)))
    if isFault { return again.append(id) }
    say(.jobEnded(JobEnded(job: id.job, state: .completed, reason: "", exitCode: 0)))
    // The state is not what is weighed here.
    say(.jobArchived(job: id.job))
  }

  func report(_ title: String, folded: Double) {
    let (now, day) = (ledger.now, Int64(86_400_000))
    print("\(title): \(ledger.spans.count) spans, folded from its facts in \(fixed(folded / 1000, 1)) s")
    for key in LedgerKey.allCases {
      let whole = median { ledger.sums(by: key, from: nil, to: nil, cluster).rows.count }
      let part = median { ledger.sums(by: key, from: now - 40 * day, to: now - 10 * day, cluster).rows.count }
      let week = median { ledger.sums(by: key, from: now - 7 * day, to: nil, cluster).rows.count }
      print("  by \(key.rawValue)".padded(14), fixed(whole, 1).padded(10), fixed(part, 1).padded(10), fixed(week, 1))
    }
    let bytes = ledger.encode().count
    print("  written down: \(bytes / 1_000_000) MB in \(fixed(median { ledger.encode().count }, 0)) ms")
  }

  mutating func drop() { ledger = Ledger() }

  private func median(_ body: () -> Int) -> Double {
    var times: [Double] = []
    for _ in 0..<7 {
      let begin = milliseconds()
      rows = body()
      times.append(milliseconds() - begin)
    }
    return times.sorted()[3]
  }
}

/// What the last question gave, so that it is asked.
nonisolated(unsafe) var rows = 0

func fixed(_ value: Double, _ decimals: Int) -> String {
  let scale = decimals == 0 ? 1.0 : 10.0
  let rounded = (value * scale).rounded() / scale
  return decimals == 0 ? "\(Int(rounded))" : "\(rounded)"
}

extension String {
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

func measure(_ title: String, keptDays: Int64?) {
  var fleet = Fleet(keptDays: keptDays)
  let begin = milliseconds()
  fleet.run()
  fleet.report(title, folded: milliseconds() - begin)
  let before = count_bytes_in_use()
  fleet.drop()
  print("  in memory: \((before - count_bytes_in_use()) / 1_000_000) MB")
}

print("\(attempts) attempts over \(days) days; ms: all time, 30 days that ended 10 days ago, the last 7 days")
measure("as spans", keptDays: nil)
measure("folded after \(Ledger.keptDays) days", keptDays: Ledger.keptDays)
