import Testing

@testable import MusterCore

/// What people are told, read as they read it.
@Suite struct WaitingTextTests {
  @Test("numbers and nouns agree: none, one, many")
  func counts() {
    #expect([0, 1, 2].map { counted($0, "node") } == ["no nodes", "1 node", "2 nodes"])
  }

  @Test("tasks of an array wait for those that run, or for those before them")
  func arrays() {
    func text(_ running: Int32, _ limit: Int32) -> String {
      Unready.arrayLimit(array: JobID(7), running: running, limit: limit).cause.message
    }
    #expect(text(1, 1) == "1 task of array 7 runs, and no more may run at the same time")
    #expect(text(3, 3) == "3 tasks of array 7 run, and no more may run at the same time")
    #expect(text(0, 1) == "only 1 task of array 7 may run at the same time, and others are before it")
    #expect(text(1, 2) == "only 2 tasks of array 7 may run at the same time, and others are before it")
  }

  @Test("no task of an array runs while those before this one wait: the text does not say that 0 run")
  func arrayBehindOthers() {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 16))
    let tasks = fleet.submit(
      (0..<2).map { i in Fleet.spec { $0.array = ArrayTask(position: i, count: 2, index: i, atOnce: 1) } })
    #expect(fleet.kinds(tasks[1]) == ["arrayLimit"])
    #expect(
      fleet.waiting(tasks[1]).causes[0].message
        == "only 1 task of array \(tasks[0]) may run at the same time, and others are before it")
  }

  @Test("what one job depends on is told with a verb that fits its state")
  func dependencies() {
    let (ok, job) = (Dependency(kind: .afterok, job: JobID(3)), "job 3")
    for (state, text) in [
      (JobState.running, "\(job) is running"), (.stopping, "\(job) is stopping"), (.pending, "\(job) is pending"),
    ] {
      #expect(Unready.dependency(ok, state).cause.message == "waits for afterok:3; \(text)")
    }
    for (state, text) in [
      (JobState.failed, "\(job) has failed"), (.cancelled, "\(job) was cancelled"),
      (.timedOut, "\(job) has run out of its walltime"),
    ] {
      #expect(
        Unready.dependencyNever(ok, state).cause.message
          == "waits for afterok:3, which cannot come true any more: \(text)")
    }
  }

  @Test("one node, one device and none of them are told as such")
  func one() {
    var fleet = Fleet(devices: 1)
    let all = fleet.submit(Fleet.spec(nodes: 15, devices: 1))
    let last = (0..<16).first { !fleet.nodes(all).contains($0) } ?? -1
    fleet.say(.drain(node: "n\(last)", reason: "x"))
    let one = fleet.submit(Fleet.spec(devices: 1))
    #expect(
      fleet.waiting(one).causes.map(\.message) == [
        "needs 1 node with enough free devices; free now: 0 (15 of 16 nodes are ready)",
        "1 node is out of service: n\(last) drained",
      ])
    let segments = NeverReason.scopeTooSmall(deviceType: 0, nodes: 9, level: 0, largest: 1)
    if let topology = fleet.controller.fleetMap.topology {
      #expect(segments.message(topology) == "needs 9 nodes within one block; the largest has room for 1 such node")
    }
  }

  @Test("of a filter, a shape and nodes out of service the verb follows the number")
  func plain() {
    #expect(
      WaitReason.nodesBusy(needed: 1, fitting: 0, ready: 0, total: 1).message
        == "needs 1 node; free now: 0 (0 of 1 node is ready)")
    #expect(
      WaitReason.fleetTooSmall(needed: 2, capable: 0, devicesPerNode: 0).message
        == "needs 2 nodes; the fleet has no such nodes, busy or not")
    #expect(
      WaitReason.notInShape(needed: 1, shape: " within one rack").message
        == "enough nodes are free, not in its shape: it needs 1 node within one rack")
  }
}

extension Unready {
  /// With jobs by their numbers.
  var cause: Waiting.Cause { cause { "\($0)" } }
}
