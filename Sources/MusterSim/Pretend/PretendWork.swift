import MusterCore

/// How long a pretend job takes.
enum PretendWork {
  /// Nothing is longer: ten years, in milliseconds.
  static let longest: Int64 = 10 * 365 * 86_400_000

  /// From the start of its first attempt to its end if nothing comes between, in milliseconds. As its command says
  /// (`sleep 600`), else drawn by its number: 30 to 95 % of its walltime, without one 10 min to 5 h 20 min.
  static func milliseconds(_ spec: JobSpec, _ job: JobID, seed: UInt64) -> Int64 {
    if let told = slept(spec.role.command) { return max(1_000, min(longest, told)) }
    var chance = Chance(seed: seed &+ UInt64(bitPattern: job.number), purpose: 201)
    guard let walltime = spec.walltime?.milliseconds else { return chance.between(doubling: 600_000, 5) }
    return max(1_000, min(longest, walltime / 100 * chance.between(30, 95)))
  }

  /// `sleep 600`, `sleep 1h 30m`, `sh -c "sleep 2.5"`: milliseconds; nil for all else.
  static func slept(_ command: [String]) -> Int64? {
    guard let program = command.first.map(lastPart) else { return nil }
    if ["sh", "bash", "dash", "zsh"].contains(program) {
      guard command.count == 3, command[1] == "-c" else { return nil }
      let words = command[2].split(separator: " ").map(String.init)
      return words.first.map(lastPart) == "sleep" ? slept(words) : nil
    }
    guard program == "sleep", command.count > 1 else { return nil }
    var sum = 0.0
    for word in command.dropFirst() {
      guard let seconds = seconds(word) else { return nil }
      sum += seconds
    }
    return Int64(min(sum * 1000, Double(longest)).rounded())
  }

  private static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// As coreutils' sleep reads them.
  private static func seconds(_ word: String) -> Double? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = word.last.flatMap { units[$0] }
    guard let number = Double(unit == nil ? word : String(word.dropLast())), number >= 0 else { return nil }
    return number * (unit ?? 1)
  }

  /// From an attempt's start until its work goes on: 15 to 120 s, of a short job at most a tenth of it.
  static func starting(_ attempt: AttemptID, total: Int64, seed: UInt64) -> Int64 {
    var chance = Chance(
      seed: seed &+ UInt64(bitPattern: attempt.job.number), purpose: 202 &+ UInt64(attempt.number) << 16)
    return min(total / 10, chance.between(15_000, 120_000))
  }
}

extension Chance {
  /// About as often in each doubling: from `low` to `low` times 2 to the power of `doublings`.
  mutating func between(doubling low: Int64, _ doublings: Int) -> Int64 {
    guard doublings > 0 else { return low }
    let from = low << Int64(below(doublings))
    return between(from, 2 * from)
  }
}
