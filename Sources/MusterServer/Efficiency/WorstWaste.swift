import MusterCore
import MusterInsight
import MusterProtocol

/// The finding that costs the running jobs most. Looking for it may take longer than a frame of `muster top`: one answer
/// serves all who ask until a twentieth of the time has gone into it.
actor WorstWaste {
  private var known: (answer: JSON, until: ContinuousClock.Instant)?
  private var isLooking = false

  /// So long at the least.
  private static let rest = Duration.seconds(2)
  private static let restOverWork = 20

  /// - Parameter look: null: nothing is wasted.
  func answer(_ look: @Sendable () async throws -> JSON) async throws -> JSON {
    if let known, isLooking || .now < known.until { return known.answer }
    isLooking = true
    defer { isLooking = false }
    let began = ContinuousClock.now
    let answer = try await look()
    known = (answer, .now + max(Self.rest, (.now - began) * Self.restOverWork))
    return answer
  }
}

extension API {
  /// What is looked at: long enough for advice, and yet now. Milliseconds.
  private static let wasteNow: Int64 = 3_600_000
  /// Those that held most in it.
  private static let wasteNowJobs = 500

  /// Of the last hour's time of jobs that run; null where nothing that can be counted is wasted.
  func worstWaste(upTo sequence: Int64, now: Instant) async throws -> JSON {
    try await efficiency.worst.answer {
      let from = now.nanoseconds / 1_000_000 - Self.wasteNow
      let jobs = try await ledger(upTo: sequence, now: now) { ledger, cluster in
        ledger.bases(from: from, limit: Self.wasteNowJobs, cluster).jobs.filter {
          [.starting, .running, .stopping].contains($0.state)
        }
      }
      var beside = BesideLedger(devices: await efficiency.devices?(jobs.map { JobID($0.id) }) ?? [:])
      let cut = jobs.lazy.filter { $0.evidence.isPart }.map { JobID($0.id) }
      await lookUp(cut, to: from..<now.nanoseconds / 1_000_000, &beside)
      return Self.worst(of: jobs.map { [beside] in beside.seen($0) }, efficiency.source.current, from: from, now: now)
    }
  }

  private static func worst(of jobs: [JobBasis], _ holds: Efficiency, from: Int64, now: Instant) -> JSON {
    var worst: (basis: JobBasis, gpuHours: Double)?
    for basis in jobs {
      for finding in Insight.findings(basis.evidence, holds.thresholds, isInWords: false)
      where finding.gpuHours > worst?.gpuHours ?? 0 { worst = (basis, finding.gpuHours) }
    }
    // The first one cost it most.
    guard let basis = worst?.basis, let finding = Insight.findings(basis.evidence, holds.thresholds).first else {
      return .null
    }
    let quote = holds.prices.quote(basis.evidence, on: String(now.rfc3339.prefix(10)))
    return .object(
      [
        .init(name: "job", value: .int(basis.id)), .init(name: "name", value: .string(basis.name)),
        .init(name: "project", value: .string(basis.project)), .init(name: "user", value: .string(basis.user)),
        .init(name: "from", value: .moment(from)),
        .init(name: "gpuHoursHeld", value: .rounded(basis.evidence.gpuHoursHeld)),
        .init(name: "currency", value: JSON(quote?.currency)),
      ] + (finding.json(quote).objectValue ?? []))
  }
}
