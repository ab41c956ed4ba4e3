import Testing

@testable import MusterCore

/// A controller that people talk to, without nodes: everything waits.
struct Desk: ~Copyable {
  var controller = Controller(cluster: Cluster(), now: Instant(nanoseconds: 1_000_000_000))
  var now = Instant(nanoseconds: 1_000_000_000)

  init() { say(.start) }

  @discardableResult
  mutating func say(_ command: Command) -> Controller.Reply {
    now = now + .milliseconds(10)
    return controller.handle(command, now: now)
  }

  mutating func submit(_ wishes: Wishes, key: String = "") -> Controller.Reply {
    let role = RoleSpec(command: ["x"], workingDirectory: "/")
    let spec = JobSpec(name: "j", user: "u", role: role, wishes: wishes)
    guard let array = wishes.array else { return say(.submit([spec], key: key, requestHash: 1)) }
    let tasks = (0..<array.count).map { position in
      var task = spec
      task.wishes.array?.position = position
      task.wishes.array?.index = position
      return task
    }
    return say(.submit(tasks, key: key, requestHash: 1))
  }

  func job(_ number: Int64) -> Job { look { $0.jobs[$0.slot(of: JobID(number)) ?? 0] } }
  func spec(_ number: Int64) -> JobSpec { look { $0.specs[Int($0.slot(of: JobID(number)) ?? 0)] } }
  func look<T>(_ body: (borrowing Cluster) -> T) -> T { body(controller.cluster) }
}

@Suite struct ArrivalTests {
  private static func wishes(_ change: (inout Wishes) -> Void) -> Wishes {
    var wishes = Wishes()
    change(&wishes)
    return wishes
  }

  @Test("a priority's name becomes its number; one that is not known is refused with those that are")
  func priorities() {
    var desk = Desk()
    let urgent = Self.wishes { $0.priorityClass = "urgent" }
    #expect(desk.submit(urgent) == .refused(.noSuchPriority("urgent", known: [])))
    var policy = Policy()
    policy.priorities = [PriorityClass(name: "idle", value: -5), PriorityClass(name: "urgent", value: 100)]
    desk.controller.cluster.policy = policy
    #expect(desk.submit(urgent, key: "k") == .jobs([JobID(1)]))
    #expect(desk.job(1).priority == 100 && desk.spec(1).wishes.priorityClass == "urgent")
    #expect(
      desk.submit(Self.wishes { $0.priorityClass = "high" })
        == .refused(.noSuchPriority("high", known: ["idle", "urgent"])))
    desk.controller.cluster.policy = Policy()
    #expect(desk.submit(urgent, key: "k") == .jobs([JobID(1)]), "the key is known: its names are not looked at anew")
  }

  @Test("a dependency on an array's number is one on all of its tasks; one on a job that has not been is refused")
  func dependencies() {
    var desk = Desk()
    let array = Self.wishes { $0.array = ArrayTask(position: 0, count: 3, index: 0) }
    #expect(desk.submit(array) == .jobs([JobID(1), JobID(2), JobID(3)]))
    func after(_ job: Int64) -> Wishes {
      Self.wishes { $0.dependsOn = [Dependency(kind: .afterok, job: JobID(job)), Dependency(kind: .singleton)] }
    }
    _ = desk.submit(after(1))
    #expect(desk.spec(4).wishes.dependsOn.map(\.job.number) == [1, 2, 3, 0])
    _ = desk.submit(after(2))
    #expect(desk.spec(5).wishes.dependsOn.map(\.job.number) == [2, 0])
    #expect(desk.submit(after(99)) == .refused(.noSuchJob(JobID(99))))
    #expect(desk.submit(after(6)) == .refused(.noSuchJob(JobID(6))), "itself")
  }

  @Test("what can no longer come true is refused: the job, its state and what would be right are named")
  func hopeless() {
    var fleet = Fleet()
    func refusal(_ kind: Dependency.Kind, _ job: JobID) -> Refusal? {
      let spec = Fleet.spec { $0.dependsOn = [Dependency(kind: kind, job: job)] }
      guard case .refused(let why) = fleet.say(.submit([spec], key: "", requestHash: 0)) else { return nil }
      return why
    }
    let cancelled = fleet.submit(Fleet.spec(nodes: 16))
    #expect(refusal(.afterok, cancelled) == nil, "it may still complete")
    fleet.say(.cancel(cancelled))
    fleet.tell(cancelled, .stopped)
    let completed = fleet.submit(Fleet.spec())
    fleet.end(completed)
    #expect([fleet.state(cancelled), fleet.state(completed)] == [.cancelled, .completed])

    let no = refusal(.afterok, cancelled)
    #expect(
      no?.message
        == "job \"j\" is to wait for afterok:1, which cannot come true any more: job 1 was cancelled")
    #expect(
      no?.remedy
        == "name a job that has completed, or one that is not over yet; `afterany:1` holds however a job ends")
    let well = refusal(.afternotok, completed)
    #expect(well?.message.hasSuffix("job 3 has completed") == true && well?.remedy.contains("has failed") == true)
    for kind: Dependency.Kind in [.after, .afterany, .afternotok] { #expect(refusal(kind, cancelled) == nil) }
    for kind: Dependency.Kind in [.after, .afterany, .afterok] { #expect(refusal(kind, completed) == nil) }
  }

  @Test("one task of an array that has ended otherwise is enough to refuse what asks for all of them")
  func hopelessTask() {
    var desk = Desk()
    let array = Self.wishes { $0.array = ArrayTask(position: 0, count: 3, index: 0) }
    #expect(desk.submit(array, key: "a") == .jobs([JobID(1), JobID(2), JobID(3)]))
    let first = Self.wishes { $0.dependsOn = [Dependency(kind: .afterok, job: JobID(1))] }
    #expect(desk.submit(first, key: "b") == .jobs([JobID(4)]))
    desk.say(.cancel(JobID(2)))
    guard case .refused(let why) = desk.submit(first) else {
      Issue.record("accepted")
      return
    }
    #expect(why.message.hasSuffix("task 1_1 (job 2) was cancelled") && why.code == "dependencyNever")
    #expect(desk.submit(first, key: "b") == .jobs([JobID(4)]), "it was taken before")
    let other = Self.wishes { $0.dependsOn = [Dependency(kind: .afterok, job: JobID(3))] }
    #expect(desk.submit(other) == .jobs([JobID(5)]), "a task alone")
  }
}
