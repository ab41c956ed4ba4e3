import MusterCore
import MusterProtocol
import Testing

@Suite struct JobFileWishesTests {
  /// 2026-11-25T09:00:00Z.
  private static let now = Instant(nanoseconds: 1_795_597_200_000_000_000)

  private func read(_ fields: String) throws -> JobRequest {
    let context = SubmitContext(user: "u", workingDirectory: "/", now: Self.now)
    return try JobFile.read(yaml: "command: [a]\n" + fields, context: context).get()
  }

  private func rules(_ fields: String) -> [JobFileRule] {
    do {
      _ = try read(fields)
      return []
    } catch {
      return (error as? JobFileErrors)?.problems.map(\.rule) ?? []
    }
  }

  @Test("places: short and long forms")
  func places() throws {
    let wishes = try read("gang: {nodes: 32}\nsegment: 16\nwithin: rack\nspread: host\nexclusive: true").spec.wishes
    #expect(wishes.segment == 16 && wishes.isExclusive)
    #expect(wishes.within == Within(level: "rack") && wishes.spread == Spread(level: "host", atMost: 1))
    let long = try read("within: {level: rack, preferred: true}\nspread: {level: rack, atMost: 2}").spec.wishes
    #expect(long.within == Within(level: "rack", isRequired: false) && long.spread == Spread(level: "rack", atMost: 2))
    #expect(try read("within:\nspread: ~\nhold: false\nexclusive: null").spec.wishes.isEmpty)
    #expect(rules("gang: {nodes: 24}\nsegment: 16") == [.segmentOfNodes(nodes: 24)])
    #expect(rules("segment: 2") == [.segmentOfNodes(nodes: 1)])
  }

  @Test("lists may be one text")
  func lists() throws {
    let (many, one) = (
      try read("deviceTypes: [H100, A100]\nconstraint: [ib=hdr, \"!old\", zone!=b, gdr]\nexclude: [n3, \"n[7-9]\"]"),
      try read("deviceTypes: H100,A100\nconstraint: ib=hdr&!old & zone!=b&gdr\nexclude: n3,n[7-9]")
    )
    #expect(many == one)
    #expect(one.spec.wishes.deviceTypes == ["H100", "A100"] && one.spec.wishes.exclude == ["n3", "n7", "n8", "n9"])
    #expect(
      one.spec.wishes.constraint == [
        LabelRule(key: "ib", value: "hdr"), LabelRule(key: "old", isNegated: true),
        LabelRule(key: "zone", value: "b", isNegated: true), LabelRule(key: "gdr"),
      ])
    #expect(try read("exclude: [n2, n1, n2]").spec.wishes.exclude == ["n1", "n2"])
  }

  @Test(
    "arrays as Slurm writes them",
    arguments: [
      ("0-3", [0, 1, 2, 3], 0), ("\"0-15:4\"", [0, 4, 8, 12], 0), ("1,3,7", [1, 3, 7], 0), ("5", [5], 0),
      ("0-3%2", [0, 1, 2, 3], 2), ("7,1-2,2%1", [1, 2, 7], 1), ("1000000", [1_000_000], 0),
    ] as [(String, [Int32], Int32)])
  func arrays(text: String, indices: [Int32], atOnce: Int32) throws {
    let request = try read("array: \(text)")
    #expect(request.array == ArrayRequest(indices: indices, atOnce: atOnce))
    #expect(try JobFile.read(json: request.json, context: .wire).get() == request)
    #expect(request.tasks.map(\.wishes.array?.index) == indices)
    #expect(request.tasks.last?.wishes.array?.position == Int32(indices.count - 1))
    #expect(request.tasks.allSatisfy { $0.wishes.array?.count == Int32(indices.count) })
  }

  @Test(
    "what an array may not be",
    arguments: ["", "a", "3-1", "1:2", "0-4:0", "1%0", "1%2%3", "-1", "1,,2", "[1]", "1-2-3"])
  func wrongArrays(text: String) {
    #expect(rules("array: \"\(text)\"") == [.array])
  }

  @Test("an array has at most 1,000 tasks and indices up to 1,000,000")
  func arrayLimits() throws {
    #expect(try read("array: 0-999").tasks.count == 1000)
    #expect(rules("array: 0-1000") == [.arrayTasks(limit: 1000)])
    #expect(rules("array: 1000001") == [.arrayIndex(to: 1_000_000)])
    #expect(try read("").tasks.count == 1 && read("").tasks[0].wishes.array == nil)
  }

  @Test("dependencies name jobs and what must become of them")
  func dependencies() throws {
    let expected = [
      Dependency(kind: .afterok, job: JobID(41)), Dependency(kind: .afterok, job: JobID(42)),
      Dependency(kind: .after, job: JobID(7)), Dependency(kind: .singleton),
    ]
    #expect(try read("dependsOn: [\"afterok:41:42\", after:7, singleton]").spec.wishes.dependsOn == expected)
    #expect(try read("dependsOn: afterok:41:42,after:7,singleton,after:7").spec.wishes.dependsOn == expected)
    let task = [Dependency(kind: .afterok, job: JobID(41), task: 3), Dependency(kind: .afterok, job: JobID(7))]
    #expect(try read("dependsOn: afterok:41_3:7").spec.wishes.dependsOn == task)
    for wrong in [
      "afterok:41_", "afterok:_3", "afterok:41_3_4", "afterok:41_-1", "afterok:41_1000001", "afterok:41:",
      "afterok", "afterok:", "afterok:0", "afterok:+1", "aftercorr:1", "singleton:1", "41", "after:1?singleton",
    ] {
      #expect(rules("dependsOn: [\"\(wrong)\"]") == [.dependency], "\(wrong)")
    }
  }

  @Test(
    "a beginning is a moment, or relative to now",
    arguments: [
      ("2026-12-01T08:00:00Z", 1_796_112_000_000), ("2026-12-01T09:00:00+01:00", 1_796_112_000_000),
      ("\"2026-12-01T08:00:00.25Z\"", 1_796_112_000_250), ("now+2h", 1_795_604_400_000),
      ("now+1h30m", 1_795_602_600_000),
    ])
  func begin(text: String, milliseconds: Int64) throws {
    let spec = try read("begin: \(text)").spec
    #expect(spec.wishes.begin == Instant(nanoseconds: milliseconds * 1_000_000))
    #expect(try JobFile.parse(json: spec.specJSON, context: .wire).get() == spec)
  }

  @Test(
    "a moment without its zone, or one that is none, is refused",
    arguments: [
      "2026-12-01T08:00:00", "2026-13-01T08:00:00Z", "2026-02-30T08:00:00Z", "tomorrow", "now+2", "16:00",
      "2026-12-01T08:00:00+1:00", "1969-12-31T23:59:59Z", "2026-12-01T24:00:00Z",
    ])
  func noMoment(text: String) {
    #expect(rules("begin: \"\(text)\"") == [.moment(relative: true)])
  }

  @Test("a moment comes back as it was written")
  func momentText() {
    for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.007Z", "2199-12-31T00:00:00Z"] {
      #expect(Moment.parse(text)?.shortRFC3339 == text)
    }
  }

  @Test("a warning comes before the walltime is over")
  func warnings() throws {
    let wishes = try read("walltime: 1h\nwarn: {signal: USR2, before: 5m}").spec.wishes
    #expect(wishes.warning == Warning(signal: 12, before: .seconds(300)))
    #expect(try read("walltime: 1h\nwarn: {before: 5m}").spec.wishes.warning?.signal == 10)
    #expect(rules("warn: {before: 5m}") == [.warnWalltime])
    #expect(rules("walltime: 5m\nwarn: {before: 5m}") == [.warnBefore(walltime: "5m")])
    #expect(rules("walltime: 5\nwarn: {before: 5m}") == [.durationUnit])
  }

  @Test("a priority may have a name; it keeps it on the wire")
  func priorities() throws {
    let spec = try read("priority: urgent").spec
    #expect(spec.wishes.priorityClass == "urgent" && spec.priority == 0)
    #expect(spec.specJSON["priority"] == "urgent")
    #expect(rules("priority: 2nd").count == 1 && rules("priority: \"7\"").count == 1)
  }
}
