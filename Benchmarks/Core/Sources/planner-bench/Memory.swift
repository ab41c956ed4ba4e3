import Glibc
import MusterCore

/// Megabytes that this process has in memory.
private func resident() -> Double {
  guard let file = fopen("/proc/self/status", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split {
      $0 == " " || $0 == "\t"
    }
    if words.first == "VmRSS:", words.count > 1, let kilobytes = Int(words[1]) { return Double(kilobytes) * 1024 / 1e6 }
  }
  return 0
}

private func host(_ i: Int, _ shape: FleetShape) -> (NodeJoined, labels: [Label]) {
  let rack = i / Int(shape.nodes)
  let number = 100_000_000 + i
  let joined = NodeJoined(
    node: NodeID(Int32(i)), name: "gpu-r\(rack)-n\(i % Int(shape.nodes)).cluster.example",
    machine: "4f1d0c2e9ab84d7e8a41ffd\(number)", boot: "6f7c0d0e-9c3c-4a57-8a41-abc\(number)", devices: shape.devices)
  return (
    joined,
    [Label(key: "block", value: "block-\(rack / shape.leaves)"), Label(key: "rack", value: "rack-\(rack)")]
  )
}

/// 62,500 nodes and 10,000 jobs, each with the names, labels and words that a real one has; 1,900 gangs of 32 whole
/// nodes run. One fact at a time, so that no list of them is in memory with the state.
private func eachFact(_ body: (Fact) -> Void) {
  let shape = FleetShape.large
  var at = Workload.now
  func tell(_ event: Fact.Event) {
    at = at + .milliseconds(1)
    body(Fact(at: at, event))
  }
  tell(.controllerStarted(epoch: 1))
  var policy = Policy()
  policy.topology.levels = ["block", "rack"]
  tell(.policyApplied(policy))
  for i in 0..<shape.total {
    let (joined, labels) = host(i, shape)
    tell(.nodeJoined(joined))
    tell(.nodeLabelled(node: joined.node, labels: labels))
  }
  var workload = Workload(seed: 5, shape)
  for job in 1...10_000 {
    var gang = workload.gang()
    if job <= 1_900 { (gang.nodes, gang.devicesPerNode, gang.segment) = (32, 8, 1) }
    let role = RoleSpec(
      nodes: gang.nodes, devicesPerNode: gang.devicesPerNode, ranksPerNode: gang.devicesPerNode,
      command: ["python3", "train.py", "--config", "configs/run-\(job).yaml", "--lr", "3e-4"],
      environment: [
        EnvironmentVariable(name: "DATA", value: "/data/sets/web-2026"),
        EnvironmentVariable(name: "OMP_NUM_THREADS", value: "8"),
      ], workingDirectory: "/data/projects/llm")
    var spec = JobSpec(
      name: "pretrain-\(job)", user: "user\(job % 50)", priority: 0, role: role, walltime: gang.walltime)
    spec.project = "p\(gang.project)"
    tell(.jobSubmitted(JobSubmitted(job: JobID(Int64(job)), spec: spec)))
  }
  for job in 0..<1_900 {
    let places = (0..<32).map { Place(node: NodeID(Int32(job * 32 + $0)), devices: 255) }
    let id = AttemptID(job: JobID(Int64(job + 1)), number: 1)
    tell(.attemptStarted(AttemptStarted(attempt: id, places: places, resumeStep: 0)))
    tell(.gangStarted(attempt: id))
  }
}

/// What the state weighs: one copy, then with the one that a follower holds, then with what a round needs.
func memory() {
  print("before anything: \(padded(resident(), 1)) MB resident")
  var cluster = Cluster()
  eachFact { cluster.apply($0) }
  print("62,500 nodes, 10,000 jobs, 1,900 running gangs, 60,800 members: \(padded(resident(), 1)) MB resident")
  var follower = Cluster()
  eachFact { follower.apply($0) }
  print("with a second copy: \(padded(resident(), 1)) MB")
  var limits = Limits()
  (limits.silence, limits.firstWord, limits.lease) = (.seconds(1 << 30), .seconds(1 << 30), .seconds(1 << 30))
  let now = cluster.lastFactAt
  var controller = Controller(cluster: cluster, limits: limits, now: now)
  _ = controller.handle(.start, now: now)
  for i in 0..<FleetShape.large.total {
    let (joined, labels) = host(i, .large)
    _ = controller.handle(.agentHello(joined, labels: labels, pid: 1), now: now)
    _ = controller.handle(.agentReport(node: joined.node, []), now: now)
  }
  print("with the controller's watch: \(padded(resident(), 1)) MB")
  var scheduler = Scheduler()
  guard let input = controller.takePlanningInput() else { return print("nothing to plan") }
  let plan = scheduler.plan(input)
  print("with the view, a round and its buffers: \(padded(resident(), 1)) MB")
  _ = controller.handle(.commitPlan(plan), now: now)
  print(
    "after its starts: \(padded(resident(), 1)) MB; \(controller.cluster.pending.count) wait, \(follower.pending.count) in the follower"
  )
}
