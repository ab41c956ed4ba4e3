import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol

/// One job: how well it used what it held, what it wasted on what, and what that costs.
struct EfficiencyView {
  let basis: JobBasis
  let efficiency: Efficiency
  /// In UTC, as the price book's days.
  let day: String
  /// What the idle policy told its user; nil: nothing.
  let warning: IdleWarning?

  var findings: [Finding] { Insight.findings(basis.evidence, efficiency.thresholds) }

  var quote: PriceBook.Quote? { efficiency.prices.quote(basis.evidence, on: day) }

  var json: JSON {
    let (evidence, findings, quote) = (basis.evidence, findings, quote)
    let wasted = findings.reduce(0) { $0 + $1.gpuHours }
    return [
      "id": .int(basis.id), "name": .string(basis.name), "project": .string(basis.project),
      "user": .string(basis.user), "state": basis.state.map { .string("\($0)") } ?? .null,
      "devices": JSON(evidence.devicesAsked), "deviceType": .string(evidence.deviceType),
      "goodput": .rounded(basis.goodput),
      "gpuMilliseconds": .object(Account.allCases.map { .init(name: $0.name, value: .int(basis.totals[$0])) }),
      "gpuHoursHeld": .rounded(evidence.gpuHoursHeld), "gpuHoursWasted": .rounded(wasted),
      "counters": counters, "mfu": mfu(findings), "findings": .array(findings.map { $0.json(quote) }),
      "noFindingsReason": findings.isEmpty ? JSON(whyNone) : .null, "cost": cost(wasted, findings, quote),
      "idle": warning.map(\.json) ?? .null,
    ]
  }

  private var counters: JSON {
    guard let devices = basis.evidence.devices else { return .null }
    let total = devices.total
    let measured = Double(total.milliseconds)
    func share(_ part: Int64) -> JSON { .rounded(measured > 0 ? Double(part) / measured : nil) }
    return [
      "source": JSON(devices.source?.name), "gpuHours": .rounded(devices.deviceHours),
      "states": .object(DeviceState.allCases.map { .init(name: $0.rawValue, value: share(total[$0])) }),
      "utilisation": .rounded(total[.utilisation]), "tensor": .rounded(total[.tensor]), "dram": .rounded(total[.dram]),
      "memoryBytes": total[.memoryUsed].map { .int(Int64($0)) } ?? .null, "watts": .rounded(total[.power]),
      "darkShare": share(total.darkMilliseconds), "cappedShare": share(total.cappedMilliseconds),
    ]
  }

  private func mfu(_ findings: [Finding]) -> JSON {
    .object(
      basis.evidence.mfuMembers + [
        .init(name: "disagreement", value: JSON(findings.first { $0.kind == .mfuDisagreement }?.sentence))
      ])
  }

  /// Silence is no praise.
  private var whyNone: String {
    let shortest = efficiency.thresholds[.shortRun].value
    if basis.evidence.seconds < shortest { return "too short a run to tell: less than \(Int64(shortest)) s" }
    if basis.evidence.devices == nil { return "nothing found in its accounts; there are no counters of its devices" }
    return basis.evidence.isMeasured(efficiency.thresholds)
      ? "nothing found"
      : "nothing found in its accounts; the counters of its devices saw too little of it to speak for it"
  }

  private func cost(_ wasted: Double, _ findings: [Finding], _ quote: PriceBook.Quote?) -> JSON {
    guard let quote else {
      let type = basis.evidence.deviceType
      return [
        "price": .null,
        "noPriceReason": .string(
          efficiency.prices.isEmpty ? "no price book" : "no price for \(type.isEmpty ? "devices without a type" : type)"
        ),
      ]
    }
    let aWeek = findings.reduce(0) { $0 + $1.gpuHoursAWeek }
    return [
      "price": quote.json, "noPriceReason": .null, "held": .money(basis.evidence.gpuHoursHeld * quote.price),
      "wasted": .money(wasted * quote.price), "wastedAWeek": .money(aWeek * quote.price),
    ]
  }
}

extension JobEvidence {
  /// Both figures of MFU, each with what it rests on; null where it is not known, and then why the part is not.
  var mfuMembers: [JSON.Member] {
    let isAsked = devices != nil || precision != nil
    return [
      .init(name: "counters", value: .rounded(counterMFU)), .init(name: "declared", value: .rounded(declaredMFU)),
      .init(name: "basis", value: JSON(counterBasis)), .init(name: "declaredBasis", value: JSON(declaredBasis)),
      .init(name: "note", value: isAsked ? JSON(partNote ?? countersNote) : .null),
    ]
  }
}
