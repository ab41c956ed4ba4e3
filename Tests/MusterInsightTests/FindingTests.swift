import MusterDevices
import Testing

@testable import MusterInsight

@Suite struct FindingTests {
  struct Story: Sendable, CustomTestStringConvertible {
    var kind: Finding.Kind
    var sentence: String
    var job: JobEvidence
    /// The same without what the finding rests on.
    var without: JobEvidence
    var gpuHours: Double
    var severity = Finding.Severity.note
    var testDescription: String { "\(kind): \(sentence)" }
  }

  private static func changed(_ job: JobEvidence, _ change: (inout JobEvidence) -> Void) -> JobEvidence {
    var job = job
    change(&job)
    return job
  }

  private static let busy = [Load](repeating: .matrices, count: 8)

  static let stories: [Story] = [
    Story(
      kind: .hung, sentence: "the job hung for 5 % of the time that it held GPUs", job: World.lost(0.05, to: \.hung),
      without: World.lost(0.01, to: \.hung), gpuHours: 4),
    Story(
      kind: .redone, sentence: "30 % of the time that it held GPUs was lost to faults and done again",
      job: World.lost(0.3, to: \.redone), without: World.lost(0.04, to: \.redone), gpuHours: 24, severity: .warn),
    Story(
      kind: .starting, sentence: "starting took 20 % of the time that it held GPUs",
      job: World.lost(0.2, to: \.starting), without: World.lost(0.09, to: \.starting), gpuHours: 16),
    Story(
      kind: .straggling, sentence: "ranks wait 20 % of each step for rank 5 on node-3",
      job: changed(World.lost(0.2, to: \.straggling)) { ($0.slowRank, $0.slowNode) = (5, "node-3") },
      without: World.lost(0.2, to: \.straggling), gpuHours: 16),
    Story(
      kind: .straggling, sentence: "ranks wait 10 % of each step for rank 0",
      job: changed(World.lost(0.1, to: \.straggling)) { $0.slowRank = 0 },
      without: changed(World.lost(0.09, to: \.straggling)) { $0.slowRank = 0 }, gpuHours: 8),
    Story(
      kind: .inputStall, sentence: "ranks wait 62 % of each step for data", job: World.lost(0.62, to: \.inputStall),
      without: World.lost(0.09, to: \.inputStall), gpuHours: 49.6, severity: .warn),
    Story(
      kind: .inputStall, sentence: "GPUs wait 45 % of the time or more: data that comes too late looks so",
      job: World.counted([.starved, .starved]), without: World.counted([.starved] + busy), gpuHours: 4 * 0.45,
      severity: .warn),
    Story(
      kind: .allIdle, sentence: "none of its 4 GPUs was used for 2 h",
      job: World.counted([Load](repeating: .idle, count: 4)),
      without: World.counted([Load](repeating: .idle, count: 4), hours: 0.4), gpuHours: 8, severity: .warn),
    Story(
      kind: .idleDevices, sentence: "8 of 64 GPUs never used for 2 h",
      job: World.counted([Load](repeating: .matrices, count: 56) + [Load](repeating: .idle, count: 8)),
      without: World.counted(busy), gpuHours: 16),
    Story(
      kind: .fp32Matrices,
      sentence: "matrices run in fp32: bf16 has 14.8 times the peak on this GPU, 2 times if TF32 is on",
      job: World.counted([.vectors]), without: World.counted([.matrices]), gpuHours: 2 * 0.7 * (1 - 66.9 / 495),
      severity: .warn),
    Story(
      kind: .launchBound, sentence: "kernels are too small to fill the GPU for 100 % of the time",
      job: World.counted([.launchBound]), without: World.counted([.launchBound] + busy), gpuHours: 1.5,
      severity: .warn),
    Story(
      kind: .lowUse, sentence: "utilisation 12 % and memory 6.3 % over 24 GPU-hours: an L4 or an A10 would do",
      job: World.counted([Load](repeating: .small, count: 12)),
      without: changed(World.counted([Load](repeating: .small, count: 12))) { $0.userGPUHours = 23 },
      gpuHours: 24 * 0.88, severity: .warn),
    Story(
      kind: .memoryBound, sentence: "memory is the bound for 100 % of the time: the matrix units wait for it",
      job: World.counted([.copies]), without: World.counted([.copies] + busy), gpuHours: 0),
    Story(
      kind: .powerCapped, sentence: "the power cap holds the clock down for 100 % of the time",
      job: World.counted([.capped]), without: World.counted([.matrices]), gpuHours: 0),
    Story(
      kind: .walltime, sentence: "5 % of the walltime was used",
      job: changed(World.evidence()) { ($0.walltimeAsked, $0.hasCompleted) = (720_000, true) },
      without: changed(World.evidence()) { ($0.walltimeAsked, $0.hasCompleted) = (720_000, false) }, gpuHours: 0),
    Story(
      kind: .mfuDisagreement,
      sentence:
        "counters say MFU 40 %, the declared model 20 %: a FLOP count that is too low, or matrix units that work "
        + "on padding",
      job: changed(World.counted([.matrices])) { $0.declaredMFU = 0.2 },
      without: changed(World.counted([.matrices])) { $0.declaredMFU = 0.39 }, gpuHours: 0),
    Story(
      kind: .mfuDisagreement,
      sentence: "the declared model says MFU 80 %, counters 40 %: a FLOP count that is too high, or matrices in fp8 or "
        + "fp4",
      job: changed(World.counted([.matrices])) { $0.declaredMFU = 0.8 }, without: World.counted([.matrices]),
      gpuHours: 0),
    Story(
      kind: .impossibleMFU,
      sentence:
        "the declared model says MFU 2706 %, which is impossible: more than the devices can do; program goodput leaves "
        + "it out",
      job: changed(World.evidence()) { $0.declaredMFU = 27.06 },
      without: changed(World.evidence()) { $0.declaredMFU = 1 }, gpuHours: 0),
    Story(
      kind: .impossibleMFU,
      sentence:
        "the declared model says MFU 110 %, which is impossible: more than the devices can do; program goodput leaves "
        + "it out",
      job: changed(World.counted([.matrices])) { $0.declaredMFU = 1.1 },
      without: changed(World.counted([.matrices])) { $0.declaredMFU = 0.9 }, gpuHours: 0),
  ]

  @Test("a finding has its sentence, its evidence, a next step and its cost", arguments: stories)
  func told(story: Story) throws {
    let found = Insight.findings(story.job)
    let finding = try #require(found.first { $0.kind == story.kind }, "\(found.map(\.kind))")
    #expect(finding.sentence == story.sentence)
    #expect(!finding.evidence.isEmpty)
    #expect(!finding.nextStep.isEmpty)
    #expect(abs(finding.gpuHours - story.gpuHours) < 0.01, "\(finding.gpuHours)")
    #expect(abs(finding.gpuHoursAWeek - finding.gpuHours * 604_800 / story.job.seconds) < 1e-6)
    #expect(finding.severity == story.severity)
  }

  @Test("without words the same is found, at the same cost", arguments: stories)
  func wordless(story: Story) {
    let (told, found) = (Insight.findings(story.job), Insight.findings(story.job, isInWords: false))
    #expect(found.map(\.kind) == told.map(\.kind) && found.map(\.gpuHours) == told.map(\.gpuHours))
    #expect(found.map(\.severity) == told.map(\.severity))
    #expect(found.allSatisfy { $0.sentence.isEmpty && $0.evidence.isEmpty })
  }

  @Test("of a stretch of a run it is said what was seen over all of it: not what the ledger has", arguments: stories)
  func part(story: Story) {
    let found = Insight.findings(Self.changed(story.job) { $0.isPart = true })
    let ledgers: [Finding.Kind] = [.hung, .redone, .starting, .straggling, .inputStall, .walltime]
    for (whole, part) in zip(Insight.findings(story.job), found) {
      #expect(part.kind == whole.kind && part.gpuHours == whole.gpuHours)
      guard !ledgers.contains(part.kind) else { continue }
      #expect(part.sentence == whole.sentence + " (over its whole run)")
    }
    let own = story.job.accounts.inputStall > 0 || story.kind != .inputStall
    guard own, ledgers.contains(story.kind), story.kind != .walltime else { return }
    #expect(found.contains { $0.kind == story.kind && $0.sentence == story.sentence })
  }

  @Test("counters of just the stretch are told as such, and no steps of the whole run beside them", arguments: stories)
  func countersOfPart(story: Story) {
    let found = Insight.findings(Self.changed(story.job) { ($0.isPart, $0.countersArePart) = (true, true) })
    let whole = Insight.findings(story.job).filter { $0.kind != .mfuDisagreement }
    #expect(found.map(\.kind) == whole.map(\.kind) && found.map(\.sentence) == whole.map(\.sentence))
  }

  @Test("of a run that was mostly not seen counters say nothing, however short the stretch")
  func unseenRun() {
    for story in Self.stories where [.allIdle, .launchBound, .fp32Matrices].contains(story.kind) {
      var job = Self.changed(story.job) { $0.isPart = true }
      #expect(Insight.findings(job).contains { $0.kind == story.kind })
      job.heldInRun = 100 * job.accounts.held
      #expect(!Insight.findings(job).contains { $0.kind == story.kind })
      job.countersArePart = true
      #expect(Insight.findings(job).contains { $0.kind == story.kind })
    }
  }

  @Test("without its evidence a finding is not told", arguments: stories)
  func untold(story: Story) {
    #expect(!Insight.findings(story.without).contains { $0.kind == story.kind })
  }

  @Test("every kind has a story")
  func complete() {
    #expect(Set(Self.stories.map(\.kind)) == Set(Finding.Kind.allCases))
  }

  @Test("a run shorter than ten minutes gets no advice", arguments: stories)
  func short(story: Story) {
    var job = story.job
    job.seconds = 599
    #expect(Insight.findings(job).isEmpty)
  }

  @Test("dark counters are no waste, whatever they read")
  func blackout() {
    #expect(Insight.findings(World.counted([Load](repeating: .dark, count: 8))).isEmpty)
    // An idle device beside dark ones may be a dark one, too.
    #expect(Insight.findings(World.counted([.dark, .idle, .matrices])).isEmpty)
  }

  @Test("counters that saw less than half of what was held say nothing")
  func unseen() {
    var job = World.counted([.idle, .idle])
    job.accounts.held = 9 * World.hour
    job.accounts.productive = job.accounts.held
    #expect(Insight.findings(job).isEmpty)
    job.accounts.held = 8 * World.hour
    #expect(Insight.findings(job).map(\.kind) == [.allIdle])
  }

  @Test("pipes that are not measured give no advice about matrices")
  func unmeasuredPipes() {
    var load = Load.vectors
    load.counters[.tensor] = nil
    #expect(!Insight.findings(World.counted([load])).contains { $0.kind == .fp32Matrices })
    load = .vectors
    load.counters[.fp32] = nil
    #expect(!Insight.findings(World.counted([load])).contains { $0.kind == .fp32Matrices })
    #expect(
      !Insight.findings(World.counted([.vectors], type: "a GPU of our own")).contains { $0.kind == .fp32Matrices })
  }

  @Test("evidence of a small job keeps two digits, and a figure that is impossible is no disagreement")
  func small() throws {
    var job = World.lost(0.62, to: \.inputStall)
    for account in [\JobEvidence.Accounts.held, \.productive, \.inputStall] { job.accounts[keyPath: account] /= 2000 }
    let finding = try #require(Insight.findings(job).first)
    #expect(finding.evidence.first == "account inputStall: 0.025 of 0.04 GPU-hours")
    #expect(Words.hours(0.001234) == "0.0012" && Words.hours(0) == "0" && Words.hours(0.5) == "0.5")
    #expect(Words.hours(0.0999) == "0.1" && Words.hours(0.996) == "1" && Words.hours(12.34) == "12.3")
    #expect(Words.hours(1e-9) == "less than 0.000001")
    var over = World.counted([.matrices])
    over.declaredMFU = 1.1
    #expect(!Insight.findings(over).contains { $0.kind == .mfuDisagreement })
  }

  @Test("counters that were dark for most of the run do not speak for it")
  func mostlyDark() throws {
    var load = Load.starved
    #expect(Insight.findings(World.counted([load, load])).contains { $0.kind == .inputStall })
    load.darkShare = 0.6
    #expect(Insight.findings(World.counted([load, load])).isEmpty)
  }

  @Test("what a blackout hides costs nothing: waste is told of the time that was seen")
  func partlyDark() throws {
    var load = Load.starved
    load.darkShare = 0.25
    let finding = try #require(Insight.findings(World.counted([load], hours: 10)).first { $0.kind == .inputStall })
    #expect(abs(finding.gpuHours - 10 * 0.75 * 0.45) < 0.01, "\(finding)")
  }

  @Test("no word of the power cap from counters that were dark")
  func capInTheDark() {
    var dark = Load.dark
    dark.isCapped = true
    #expect(World.counted([dark]).devices?.total.cappedMilliseconds ?? 0 > 0)
    #expect(Insight.findings(World.counted([dark])).isEmpty)
  }

  @Test("where counters tell no MFU it is said why")
  func countersNote() {
    #expect(World.counted([.matrices]).countersNote == nil && World.evidence().countersNote == nil)
    #expect(
      World.counted([.matrices], type: "GB200").countersNote
        == "the SMs and the clock of GB200-NVL72 are not published: no MFU from counters; a declared `model:` tells it")
    #expect(World.counted([.idle]).countersNote?.contains("did not tell tensor activity and clock") == true)
  }

  @Test("what ranks say of waiting for data is believed before counters")
  func statusFirst() {
    var job = World.counted([.starved, .starved])
    job.accounts.inputStall = job.accounts.held / 2
    job.accounts.productive -= job.accounts.inputStall
    let found = Insight.findings(job).filter { $0.kind == .inputStall }
    #expect(found.map(\.sentence) == ["ranks wait 50 % of each step for data"])
  }

  @Test("advice on checkpoints names the interval")
  func checkpoints() {
    var job = World.lost(0.3, to: \.redone)
    job.checkpoints = .init(interval: 3600, suggested: 600, loss: 0.3, suggestedLoss: 0.06)
    #expect(
      Insight.findings(job).map(\.nextStep) == [
        "save every 10 min instead of every 60 min: 6 % instead of 30 % of the time"
      ])
    job.checkpoints?.gainGPUHoursAWeek = 322.56
    #expect(Insight.findings(job).first?.nextStep.hasSuffix("of the time, 323 GPU-hours in a week like this") == true)
    job.checkpoints?.isRight = true
    #expect(
      Insight.findings(job).map(\.nextStep) == [
        "how often it saves is right as it is; look at who faults: `muster report`"
      ])
  }

  @Test("findings together never cost more than was held", arguments: 0..<200 as Range<UInt64>)
  func bounded(seed: UInt64) {
    var random = Seeded(state: seed)
    func part() -> Double { Double.random(in: 0...1, using: &random) }
    let loads: [Load] = [.idle, .matrices, .vectors, .starved, .launchBound, .copies, .small, .capped, .starting]
    let chosen = (0..<Int.random(in: 1...6, using: &random)).map { _ in loads.randomElement(using: &random) ?? .idle }
    var job = World.counted(chosen, hours: 1)
    // Less than the counters saw, or more.
    job.accounts.held = Int64(Double(job.accounts.held) * (0.2 + 1.5 * part()))
    var rest = job.accounts.held
    for account in [\JobEvidence.Accounts.hung, \.redone, \.starting, \.straggling, \.inputStall] where part() < 0.5 {
      job.accounts[keyPath: account] = Int64(Double(rest) * part())
      rest -= job.accounts[keyPath: account]
    }
    job.accounts.productive = rest
    job.slowRank = 0
    job.declaredMFU = part() < 0.5 ? part() : nil
    let found = Insight.findings(job)
    #expect(found.reduce(0) { $0 + $1.gpuHours } <= job.gpuHoursHeld * (1 + 1e-9))
    #expect(found.allSatisfy { $0.gpuHours >= 0 && !$0.evidence.isEmpty && !$0.nextStep.isEmpty })
    #expect(zip(found, found.dropFirst()).allSatisfy { $0.gpuHours >= $1.gpuHours })
  }

  @Test("every threshold says what it bounds and where it comes from", arguments: Threshold.allCases)
  func sources(threshold: Threshold) {
    #expect(!threshold.standard.source.isEmpty && !threshold.meaning.isEmpty)
    #expect(threshold.range.contains(threshold.standard.value))
  }

  @Test("each part has its sizes")
  func sizes() {
    #expect(DevicePart.all.allSatisfy { PartSizes.of($0) != nil })
  }

  @Test(
    "devices of several types have no MFU, and it is said why", arguments: ["H100-SXM5-80GB", "H100-SXM5-80GB + L4"])
  func severalTypes(ledger: String) {
    var evidence = JobEvidence()
    (evidence.deviceType, evidence.precision) = (ledger, "bf16")
    evidence.devices = JobDevices(deviceType: DevicePart.together(["L4", "H100-SXM5-80GB", "L4"]))
    #expect(evidence.part == nil && evidence.counterMFU == nil)
    #expect(evidence.partNote?.contains("several types (H100-SXM5-80GB + L4)") == true)
  }
}

/// Numbers from a seed, the same everywhere (SplitMix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
