import MusterCore
import MusterProtocol
import MusterSim

/// What a run of many seeds came to.
struct ChaosReport {
  var seeds: Int
  var failed: [SeedResult]
  var coverage: Coverage
  var virtualSeconds: Double
  var wallSeconds: Double
  var plant: Plant
  /// Enough seeds that a kind never seen is a hole in the storm.
  var mustCover: Bool

  var isWell: Bool { failed.isEmpty && (!mustCover || coverage.missing.isEmpty) }
  private var seedsPerMinute: Double { Double(seeds) / max(0.001, wallSeconds / 60) }

  private func command(_ seed: UInt64) -> String {
    "muster chaos --seeds \(seed)..\(seed)" + (plant == .none ? "" : " --plant \(plant.rawValue)")
  }

  var text: String {
    var out = ""
    // The first few in full; of the others, that they are.
    for (i, result) in failed.enumerated() {
      guard let failure = result.failure else { continue }
      out += "seed \(result.seed) FAILED: \(failure)\n  see it again: \(command(result.seed))\n"
      guard i < 3, let story = Chaos.story(seed: result.seed, plant: plant) else { continue }
      let needs = story.needs.map(\.rawValue).joined(separator: ", ")
      out += "  with nothing injected but \(needs):\n  \(story.failure)\n\(story.history)\n"
    }
    out += table("facts", zip(Coverage.kinds, coverage.facts).map { ($0, $1) })
    out += table("faults", Fault.Cause.allCases.map { ("\($0)", coverage.faults[Int($0.rawValue)]) })
    out += table("injected", Injected.allCases.map { ($0.rawValue, coverage.injected[$0] ?? 0) })
    if mustCover, !coverage.missing.isEmpty { out += "NEVER SEEN: \(coverage.missing.joined(separator: ", "))\n" }
    let facts = coverage.factCount
    out += """
      \(seeds) seeds, \(failed.count) failed; \(facts) facts, \(facts / max(1, seeds)) a seed
      \(Int(Double(facts) / max(0.001, wallSeconds))) facts a second, \
      \(Int(virtualSeconds / max(0.001, wallSeconds))) virtual seconds a wall second, \
      \(Int(seedsPerMinute)) seeds a minute, \(Int(wallSeconds)) s

      """
    return out
  }

  private func table(_ title: String, _ rows: [(String, Int)]) -> String {
    var out = "\(title)\n"
    for start in stride(from: 0, to: rows.count, by: 3) {
      let cells = rows[start..<min(start + 3, rows.count)].map { name, count in
        let known = count == 0 && Coverage.notWrittenYet.contains(name)
        return pad(name, 22) + pad(known ? "not written yet" : "\(count)", 16)
      }
      out += "  " + cells.joined() + "\n"
    }
    return out
  }

  var json: JSON {
    func counts(_ rows: [(String, Int)]) -> JSON {
      .object(rows.map { JSON.Member(name: $0.0, value: JSON($0.1)) })
    }
    let failures = failed.map { result -> JSON in
      [
        "seed": .int(Int64(clamping: result.seed)), "invariant": JSON(result.failure?.invariant.rawValue),
        "detail": JSON(result.failure?.detail), "command": .string(command(result.seed)),
      ]
    }
    return [
      "seeds": JSON(seeds), "failed": .array(failures), "facts": JSON(coverage.factCount),
      "virtualSeconds": .double(virtualSeconds), "wallSeconds": .double(wallSeconds),
      "seedsPerMinute": .double(seedsPerMinute),
      "coverage": [
        "facts": counts(Array(zip(Coverage.kinds, coverage.facts))),
        "faults": counts(Fault.Cause.allCases.map { ("\($0)", coverage.faults[Int($0.rawValue)]) }),
        "injected": counts(Injected.allCases.map { ($0.rawValue, coverage.injected[$0] ?? 0) }),
        "notWrittenYet": .array(Coverage.notWrittenYet.map { .string($0) }),
        "missing": .array(coverage.missing.map { .string($0) }),
      ],
    ]
  }
}
