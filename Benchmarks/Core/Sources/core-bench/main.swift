// `swift run -c release core-bench`: what `apply` costs and what the state weighs at 62,500 nodes, 10,000 jobs and
// 100,000 ranks. Nanoseconds are medians of 11 rounds with the least and the most; allocations are counted, not timed.
import CCount
import Glibc
import MusterCore

let nodeCount = 62_500
let jobCount = 10_000
let runningJobs = 1_900  // of 32 nodes on average, 100,000 ranks at 52 to 53 a job
let rounds = 11

func nanoseconds() -> Int64 {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
}

struct Measured {
  var name: String
  var nanoseconds: [Double] = []
  var allocations: [Double] = []
}

var at = Instant(nanoseconds: 1_000_000_000)
func fact(_ event: Fact.Event) -> Fact {
  at = at + .milliseconds(1)
  return Fact(at: at, event)
}

func apply(_ facts: [Fact], to cluster: inout Cluster, into measured: inout Measured) {
  let (before, start) = (count_allocations(), nanoseconds())
  for fact in facts { cluster.apply(fact) }
  let (end, after) = (nanoseconds(), count_allocations())
  measured.nanoseconds.append(Double(end - start) / Double(facts.count))
  measured.allocations.append(Double(after - before) / Double(facts.count))
}

let emptyBytes = count_bytes_in_use()
var cluster = Cluster()
cluster.reserve(nodes: nodeCount, jobs: jobCount * 2, members: 200_000)
for i in 0..<nodeCount {
  cluster.apply(
    fact(
      .nodeJoined(NodeJoined(node: NodeID(Int32(i)), name: "node-\(i + 1)", machine: "m\(i)", boot: "b", devices: 8))))
}
let role = RoleSpec(
  nodes: 32, devicesPerNode: 1, ranksPerNode: 2, command: ["python3", "train.py"], workingDirectory: "/w")
for job in 1...jobCount {
  let spec = JobSpec(name: "train-\(job)", user: "someone", role: role)
  cluster.apply(fact(.jobSubmitted(JobSubmitted(job: JobID(Int64(job)), spec: spec))))
}

/// Round r places each running job on 32 nodes, with device r % 8 of each.
func starts(attempt: Int32, device: Int) -> [Fact] {
  (0..<runningJobs).map { j in
    let places = (0..<32).map { i in
      Place(node: NodeID(Int32((j * 32 + i) % nodeCount)), devices: 1 << UInt64(device))
    }
    let id = AttemptID(job: JobID(Int64(j + 1)), number: attempt)
    return fact(.attemptStarted(AttemptStarted(attempt: id, places: places, resumeStep: 0)))
  }
}

var start = Measured(name: "attemptStarted, 32 nodes")
var gang = Measured(name: "gangStarted")
var checkpoint = Measured(name: "checkpointCommitted")
var suspect = Measured(name: "nodeSuspected + nodeCleared, each")
var stopped = Measured(name: "memberStopped")
var ended = Measured(name: "attemptEnding + attemptEnded, each")
for round in 1...rounds {
  let number = Int32(round)
  let ids = (0..<runningJobs).map { AttemptID(job: JobID(Int64($0 + 1)), number: number) }
  apply(starts(attempt: number, device: round % 8), to: &cluster, into: &start)
  apply(ids.map { fact(.gangStarted(attempt: $0)) }, to: &cluster, into: &gang)
  apply(ids.map { fact(.checkpointCommitted(attempt: $0, step: Int64(round))) }, to: &cluster, into: &checkpoint)
  let nodes = (0..<1000).map { NodeID(Int32($0 * 61)) }
  apply(
    nodes.flatMap { [fact(.nodeSuspected(node: $0, reason: "silent")), fact(.nodeCleared(node: $0))] }, to: &cluster,
    into: &suspect)
  let members = ids.flatMap { id in
    (0..<32).map { fact(.memberStopped(member: MemberID(attempt: id, index: Int32($0)), how: .confirmed)) }
  }
  if round == rounds { break }  // the last round's gangs stay: that state is weighed
  apply(members, to: &cluster, into: &stopped)
  let ends = ids.flatMap { id in
    [
      fact(
        .attemptEnding(
          AttemptEnding(attempt: id, outcome: .nodeFault, lastStep: 1, firstStepAt: .zero, lastStepAt: .zero))),
      fact(.attemptEnded(AttemptEnded(attempt: id, strikes: 0))),
    ]
  }
  apply(ends, to: &cluster, into: &ended)
}

print("\(nodeCount) nodes, \(jobCount) jobs, \(runningJobs) running gangs of 32 nodes, \(runningJobs * 64) ranks")
print("fact                                   ns: median   least    most   allocations a fact: median")
for row in [start, gang, checkpoint, suspect, stopped, ended] {
  let (times, allocations) = (row.nanoseconds.sorted(), row.allocations.sorted())
  func padded(_ value: Double, _ width: Int) -> String {
    let text = String(Int(value.rounded()))
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
  let name = row.name + String(repeating: " ", count: max(0, 38 - row.name.count))
  print(
    "\(name) \(padded(times[times.count / 2], 10)) \(padded(times[0], 7)) \(padded(times[times.count - 1], 7))   \(allocations[allocations.count / 2])"
  )
}
let snapshot = cluster.encodeSnapshot()
print(
  "state: \((count_bytes_in_use() - emptyBytes) >> 20) MB in memory (snapshot held too), snapshot \(snapshot.count >> 20) MB"
)
