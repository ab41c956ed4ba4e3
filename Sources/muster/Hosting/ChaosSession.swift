import Foundation
import Glibc
import MusterCore
import MusterProtocol
import MusterSim
import Synchronization

/// Runs seeds on threads, shows how far it has come, and says at the end what was seen.
struct ChaosSession: Sendable {
  let threads: Int
  let json: Bool

  static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
  /// A run of so many seeds must have seen every kind of everything.
  static let seedsForCoverage = 300

  private struct Sum {
    /// nil after the last one there is.
    var next: UInt64?
    var seeds = 0
    var coverage = Coverage()
    var virtualSeconds = 0.0
    var failed: [SeedResult] = []
  }

  // MARK: Seeds

  func seeds(_ range: SeedRange, plant: Plant, hours: Double?) -> Bool {
    let started = Date()
    let sum = Mutex(Sum(next: range.first))
    let until = hours.map { started.addingTimeInterval($0 * 3600) }
    let last = hours == nil ? range.last : UInt64.max
    onThreads {
      while until.map({ Date() < $0 }) ?? true {
        let seed: UInt64? = sum.withLock { sum in
          // After some failures more of the same help nobody.
          guard let seed = sum.next, seed <= last, sum.failed.count < 20 else { return nil }
          sum.next = seed == .max ? nil : seed + 1
          return seed
        }
        guard let seed else { return }
        let result = Chaos.run(seed: seed, plant: plant)
        sum.withLock { sum in
          sum.seeds += 1
          sum.coverage.add(result.coverage)
          sum.virtualSeconds += result.virtualSeconds
          if result.failure != nil { sum.failed.append(result) }
          showProgress(
            sum.seeds, sum.failed.count, of: hours == nil ? Int(last - range.first) + 1 : nil, since: started)
        }
      }
    }
    let report = sum.withLock { sum in
      ChaosReport(
        seeds: sum.seeds, failed: sum.failed.sorted { $0.seed < $1.seed }, coverage: sum.coverage,
        virtualSeconds: sum.virtualSeconds, wallSeconds: Date().timeIntervalSince(started), plant: plant,
        mustCover: sum.seeds >= Self.seedsForCoverage)
    }
    endProgress()
    Terminal.out(json ? report.json.pretty + "\n" : report.text)
    return report.isWell
  }

  // MARK: Planted bugs

  func onePlant(_ plant: Plant, _ range: SeedRange) -> Bool {
    let (first, limit) = (range.first, Int(clamping: range.last - range.first).addingReportingOverflow(1).partialValue)
    let found = Chaos.seedsToFind(plant, from: first, limit: limit)
    if json {
      var members: [JSON.Member] = [.init(name: "plant", value: .string(plant.rawValue))]
      members.append(.init(name: "seedsToFind", value: found.map { JSON($0.0) } ?? .null))
      if let (seeds, failure) = found {
        let seed = first + UInt64(seeds) - 1
        members += [
          .init(name: "seed", value: .int(Int64(clamping: seed))),
          .init(name: "invariant", value: .string(failure.invariant.rawValue)),
          .init(name: "detail", value: .string(failure.detail)),
          .init(name: "command", value: .string("muster chaos --seeds \(seed)..\(seed) --plant \(plant.rawValue)")),
        ]
      }
      Terminal.out(JSON.object(members).pretty + "\n")
    } else if let (seeds, failure) = found {
      let seed = first + UInt64(seeds) - 1
      Terminal.out("\(plant.rawValue) found after \(seeds) seeds: \(failure)\n")
      Terminal.out("see it again: muster chaos --seeds \(seed)..\(seed) --plant \(plant.rawValue)\n")
    } else {
      Terminal.out("\(plant.rawValue) was not found in \(limit) seeds\n")
    }
    return found != nil
  }

  /// Each bug from several starts that have no seed in common.
  func allPlants(first: UInt64) -> Bool {
    let starts = (0..<5).map { first + UInt64($0) * 10_000 }
    let plants = Plant.allCases.filter { $0 != .none }
    let found = Mutex([Plant: [Int?]]())
    let next = Mutex(0)
    onThreads {
      while true {
        let i = next.withLock { next in
          defer { next += 1 }
          return next
        }
        guard i < plants.count else { return }
        let seeds = starts.map { Chaos.seedsToFind(plants[i], from: $0)?.0 }
        found.withLock { $0[plants[i]] = seeds }
      }
    }
    let all = found.withLock { $0 }
    var isWell = true
    var list: [JSON] = []
    for plant in plants {
      let seeds = all[plant] ?? []
      isWell = isWell && !seeds.isEmpty && !seeds.contains(nil)
      list.append(plantJSON(plant, seeds))
      guard !json else { continue }
      let texts = seeds.map { $0.map(String.init) ?? "not in 1000" }.joined(separator: ", ")
      Terminal.out("\(pad(plant.rawValue, 24)) median \(median(seeds).map(String.init) ?? "-") seeds (\(texts))\n")
    }
    if json { Terminal.out((["plants": .array(list)] as JSON).pretty + "\n") }
    return isWell
  }

  private func plantJSON(_ plant: Plant, _ seeds: [Int?]) -> JSON {
    [
      "plant": .string(plant.rawValue), "seedsToFind": .array(seeds.map { $0.map { JSON($0) } ?? .null }),
      "median": median(seeds).map { JSON($0) } ?? .null,
    ]
  }

  private func median(_ seeds: [Int?]) -> Int? {
    let sorted = seeds.map { $0 ?? .max }.sorted()
    guard !sorted.isEmpty, sorted[sorted.count / 2] != .max else { return nil }
    return sorted[sorted.count / 2]
  }

  // MARK: Threads and progress

  private func onThreads(_ body: @escaping @Sendable () -> Void) {
    let group = DispatchGroup()
    for _ in 0..<threads {
      group.enter()
      let thread = Thread {
        body()
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    group.wait()
  }

  private var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

  private func showProgress(_ seeds: Int, _ failed: Int, of all: Int?, since started: Date) {
    guard isWatched, seeds % 10 == 0 else { return }
    let minutes = max(0.001, Date().timeIntervalSince(started) / 60)
    let goal = all.map { " of \($0)" } ?? ""
    Terminal.error("\r\(seeds)\(goal) seeds, \(failed) failed, \(Int(Double(seeds) / minutes)) a minute ")
  }

  private func endProgress() { if isWatched { Terminal.error("\r\u{1b}[K") } }
}

func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
