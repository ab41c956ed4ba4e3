import MusterDevices

/// Looks for what a job loses GPU time by. Pure: the same evidence gives the same findings, in the same order.
///
/// No GPU-hour is counted twice: each finding takes from what those before it have left of the time that was held, so
/// that together they never cost more than that.
public struct Insight {
  let evidence: JobEvidence
  let thresholds: Thresholds
  /// Otherwise what is found has its kind and its cost alone.
  private let isInWords: Bool
  /// GPU-hours that no finding has counted.
  private var left: Double
  private(set) var findings: [Finding] = []

  /// Worst first; of equal cost in the order of `Finding.Kind`. None for a run shorter than `Threshold.shortRun`.
  /// - Parameter isInWords: false: sentence, evidence and next step are left out, some of them empty. To write them takes
  ///   longer than to find what they say, and of thousands of jobs few are told.
  public static func findings(
    _ evidence: JobEvidence, _ thresholds: Thresholds = .init(), isInWords: Bool = true
  ) -> [Finding] {
    guard evidence.seconds >= thresholds(.shortRun), evidence.accounts.held > 0 else { return [] }
    var insight = Insight(evidence, thresholds, isInWords: isInWords)
    insight.readAccounts()
    let ofLedger = insight.findings.count
    insight.readDevices()
    insight.readWalltime()
    insight.compareMFU()
    if evidence.isPart, !evidence.countersArePart, isInWords { insight.tellWholeRun(from: ofLedger) }
    return insight.findings.enumerated().sorted { a, b in
      (-a.element.gpuHours, a.offset) < (-b.element.gpuHours, b.offset)
    }.map(\.element)
  }

  private init(_ evidence: JobEvidence, _ thresholds: Thresholds, isInWords: Bool) {
    self.evidence = evidence
    self.thresholds = thresholds
    self.isInWords = isInWords
    left = evidence.gpuHoursHeld
  }

  /// Where counters of the part were not looked up, they are told as they are kept: of the run as a whole.
  private mutating func tellWholeRun(from first: Int) {
    for i in first..<findings.count { findings[i].sentence += " (over its whole run)" }
  }

  /// What is told of a finding, if anybody is to read it.
  func say(_ text: @autoclosure () -> String) -> String { isInWords ? text() : "" }
  func say(_ texts: @autoclosure () -> [String]) -> [String] { isInWords ? texts() : [] }

  /// - Parameter gpuHours: what it would have cost alone; what others have counted is not counted again.
  mutating func add(
    _ kind: Finding.Kind, _ sentence: String, costs gpuHours: Double = 0, evidence seen: [String], next: String
  ) {
    let cost = min(max(0, gpuHours), left)
    left -= cost
    let held = evidence.gpuHoursHeld
    findings.append(
      Finding(
        kind: kind, sentence: sentence, evidence: seen, nextStep: next, gpuHours: cost,
        gpuHoursAWeek: evidence.seconds > 0 ? cost / evidence.seconds * 604_800 : 0,
        severity: held > 0 && cost >= thresholds(.warnShare) * held ? .warn : .note))
  }

  func share(_ milliseconds: Int64) -> Double { Double(milliseconds) / Double(max(1, evidence.accounts.held)) }

  static func hours(_ milliseconds: Int64) -> Double { Double(milliseconds) / 3_600_000 }

  // MARK: From the ledger

  private mutating func readAccounts() {
    let accounts = evidence.accounts
    if accounts.hung > 0, share(accounts.hung) >= thresholds(.hung) {
      add(
        .hung, say("the job hung for \(Words.percent(share(accounts.hung))) of the time that it held GPUs"),
        costs: Self.hours(accounts.hung), evidence: say([account("hung", accounts.hung)]),
        next: "`restart.hangAfter` shorter; `muster report` names the rank and what it waited for")
    }
    readRedone(accounts)
    if accounts.starting > 0, share(accounts.starting) >= thresholds(.starting) {
      add(
        .starting, say("starting took \(Words.percent(share(accounts.starting))) of the time that it held GPUs"),
        costs: Self.hours(accounts.starting),
        evidence: say([account("starting", accounts.starting), "\(evidence.faults + 1) or more starts"]),
        next: "a compile cache, data near the node, fewer restarts; or longer jobs instead of many short ones")
    }
    readStraggling(accounts)
    let stepped = accounts.productive + accounts.inputStall
    let waited = Double(accounts.inputStall) / Double(max(1, stepped))
    if accounts.inputStall > 0, waited >= thresholds(.inputStall) {
      add(
        .inputStall, say("ranks wait \(Words.percent(waited)) of each step for data"),
        costs: Self.hours(accounts.inputStall),
        evidence: say([account("inputStall", accounts.inputStall), "ranks said so: STATUS=waiting for data"]),
        next: "more loader workers, prefetch, data on the node's own disk, fewer and larger files")
    }
  }

  private mutating func readStraggling(_ accounts: JobEvidence.Accounts) {
    let stepped = accounts.productive + accounts.straggling
    let waited = Double(accounts.straggling) / Double(max(1, stepped))
    guard accounts.straggling > 0, waited >= thresholds(.straggling), let rank = evidence.slowRank else { return }
    let (node, percent) = (evidence.slowNode, Words.percent(waited))
    add(
      .straggling, say("ranks wait \(percent) of each step for rank \(rank)\(node.map { " on \($0)" } ?? "")"),
      costs: Self.hours(accounts.straggling),
      evidence: say([
        account("straggling", accounts.straggling),
        "ranks said so: WAITED; they waited longest for rank \(rank), in the newest attempt that told",
      ]),
      next: say(
        "compare its devices with the others' (`muster devices --job ID`\(node.map { ", `muster node \($0)`" } ?? "")): "
          + "slower ones are a node to drain; else its work is more than the others': even out sequence lengths, stages "
          + "or experts"))
  }

  private mutating func readRedone(_ accounts: JobEvidence.Accounts) {
    guard accounts.redone > 0, share(accounts.redone) >= thresholds(.redone) else { return }
    let (seen, next) = isInWords ? tellRedone(accounts) : ([], "")
    add(
      .redone,
      say("\(Words.percent(share(accounts.redone))) of the time that it held GPUs was lost to faults and done again"),
      costs: Self.hours(accounts.redone), evidence: seen, next: next)
  }

  private func tellRedone(_ accounts: JobEvidence.Accounts) -> (seen: [String], next: String) {
    var seen = [
      account("redone", accounts.redone), "\(evidence.faults) faults, \(evidence.checkpointCount) checkpoints",
    ]
    if let mean = evidence.meanTimeBetweenFailures {
      seen.append("mean time between failures \(Words.length(mean)) of work")
    }
    var next = "save checkpoints (`CHECKPOINT=n`), and look at who faults: `muster report`"
    if let advice = evidence.checkpoints {
      seen.append("saves every \(Words.length(advice.interval)); saving and redoing take \(Words.percent(advice.loss))")
      if advice.isRight {
        next = "how often it saves is right as it is; look at who faults: `muster report`"
      } else {
        next = "save every \(Words.length(advice.suggested)) instead of every \(Words.length(advice.interval)): "
        next += "\(Words.percent(advice.suggestedLoss)) instead of \(Words.percent(advice.loss)) of the time"
        if advice.gainGPUHoursAWeek > 0 {
          next += ", \(Words.hours(advice.gainGPUHoursAWeek)) GPU-hours in a week like this"
        }
      }
    } else if evidence.checkpointCount > 0 {
      next = "save more often; say STATUS=checkpointing while saving, and `muster report` says how often"
    }
    return (seen, next)
  }

  private func account(_ name: String, _ amount: Int64) -> String {
    "account \(name): \(Words.hours(Self.hours(amount))) of \(Words.hours(evidence.gpuHoursHeld)) GPU-hours"
  }

  // MARK: From what was asked for

  private mutating func readWalltime() {
    guard let asked = evidence.walltimeAsked, evidence.hasCompleted, asked >= thresholds(.walltimeAsked) else { return }
    let used = evidence.seconds / asked
    guard used <= thresholds(.walltimeUsed) else { return }
    add(
      .walltime, say("\(Words.percent(used)) of the walltime was used"),
      evidence: say(["asked for \(Words.length(asked)), ran \(Words.length(evidence.seconds)) to its end"]),
      next: "ask for less: a shorter job fits into gaps, and starts sooner")
  }

  /// No device does more than its dense peak: what the job file says of the model is wrong, whatever counters say.
  private mutating func tellImpossible(_ declared: Double) {
    let basis = [evidence.declaredBasis, evidence.counterMFU.map { "from counters: MFU \(Words.percent($0))" }]
    add(
      .impossibleMFU,
      say(
        "the declared model says MFU \(Words.percent(declared)), which is impossible: more than the devices can do; program "
          + "goodput leaves it out"),
      evidence: say(
        ["from the declared model and its steps: MFU \(Words.percent(declared)) of the dense peak"]
          + basis.compactMap { $0 }),
      next:
        "check `model:` in the job file: `tokensPerStep` is of a step of the whole gang, parameters are the active ones, "
        + "`precision` is what most matrices run in; and that STEP counts whole steps")
  }

  private mutating func compareMFU() {
    guard let declared = evidence.declaredMFU else { return }
    guard declared <= 1 else { return tellImpossible(declared) }
    // Steps are those of the whole run.
    guard !evidence.countersArePart, let counted = evidence.counterMFU, evidence.isMeasured(thresholds) else { return }
    let larger = max(declared, counted)
    guard larger > 0, abs(declared - counted) / larger >= thresholds(.mfuDisagreement) else { return }
    let seen = say([
      "from the declared model and its steps: MFU \(Words.percent(declared))",
      "from counters: MFU \(Words.percent(counted))"
        + (evidence.counterBasis.map { ", \($0)" } ?? ""),
    ])
    if counted > declared {
      add(
        .mfuDisagreement,
        say(
          "counters say MFU \(Words.percent(counted)), the declared model \(Words.percent(declared)): a FLOP count that is "
            + "too low, or matrix units that work on padding"),
        evidence: seen,
        next:
          "check `model:` in the job file; recomputed activations count for the counters alone; sizes in multiples of "
          + "the tile (64 or 128) leave no padding")
    } else {
      // Counters are told in the declared precision where they can: then both have the same peak.
      let precision = evidence.counterRate?.precision ?? "bf16"
      let other = ["bf16", "fp16"].contains(precision) ? "fp8 or fp4" : "another precision than \(precision)"
      add(
        .mfuDisagreement,
        say(
          "the declared model says MFU \(Words.percent(declared)), counters \(Words.percent(counted)): a FLOP count that is "
            + "too high, or matrices in \(other)"),
        evidence: seen,
        next:
          "check `model:` in the job file: active parameters alone, LoRA 4 N, no input embeddings; `precision` is what "
          + "most of its matrices run in")
    }
  }
}
