import Foundation
import Testing

@testable import MusterDevices

/// One recording of an H100 that does known work, as it is and changed in ways that must not matter. Its column `phase`
/// is the truth, and is taken out before the recording is read.
@Suite(.enabled(if: Truth.file != nil, Shared.needs)) struct RecordedTests {
  @Test("every phase is told within 10 s of its work's begin, holds, and nothing else is hung")
  func asItIs() throws {
    let truth = try Truth()
    try truth.check(truth.rows, part: "H100-SXM5-80GB")
    try truth.check(truth.rows, part: nil)
    #expect(try truth.segments(truth.rows, part: nil).count <= 20)
  }

  @Test("noise of 5 % on every counter changes nothing", arguments: 1...5 as ClosedRange<UInt64>)
  func noise(seed: UInt64) throws {
    let truth = try Truth()
    var chance = Seeded(state: seed)
    try truth.check(truth.noisy(truth.rows, &chance), part: seed % 2 == 0 ? nil : "H100-SXM5-80GB")
  }

  @Test("a value in five that is missing changes nothing", arguments: 1...5 as ClosedRange<UInt64>)
  func holes(seed: UInt64) throws {
    let truth = try Truth()
    var chance = Seeded(state: seed)
    let rows = truth.rows.map { row in
      var row = row
      for counter in DeviceCounter.allCases where Int.random(in: 0..<5, using: &chance) == 0 {
        row.sample[counter] = nil
      }
      return row
    }
    try truth.check(rows, part: nil)
  }

  @Test("phases in another order, with noise", arguments: 1...10 as ClosedRange<UInt64>)
  func shuffled(seed: UInt64) throws {
    let truth = try Truth()
    var chance = Seeded(state: seed)
    let rows = Truth.joined(truth.phases.shuffled(using: &chance))
    try truth.check(truth.noisy(rows, &chance), part: seed % 2 == 0 ? nil : "H100-SXM5-80GB")
  }

  @Test(
    "twelve seconds of each phase's work, twice, one right after the other", arguments: 1...10 as ClosedRange<UInt64>)
  func cut(seed: UInt64) throws {
    let truth = try Truth()
    var chance = Seeded(state: seed)
    let work = truth.phases.filter { Truth.wanted[$0[0].phase] != nil }.map { Array(Truth.work($0).suffix(60)) }
    try truth.check(Truth.joined((work + work).shuffled(using: &chance)), part: "H100-SXM5-80GB", within: 4)
  }

  @Test("every fifth sample, or the means of five", arguments: [false, true], 0..<5)
  func slow(isMean: Bool, offset: Int) throws {
    let truth = try Truth()
    let rows = truth.phases.flatMap { phase in
      stride(from: offset, to: phase.count - 4, by: 5).map { start in
        var row = phase[start + 4]
        guard isMean else { return row }
        let means = DeviceMeans(phase[start...start + 4].map(\.sample))
        for counter in DeviceCounter.allCases { row.sample[counter] = means[counter] }
        return row
      }
    }
    try truth.check(rows, part: nil)
  }

  @Test(
    "columns that are optional",
    arguments: [
      [DeviceCounter.processes, .memoryUsed], [.fp64, .fp32, .fp16, .integer, .occupancy, .pcieReceived, .pcieSent],
      [.sm], [.graphics], [.utilisation, .memoryUtilisation], [.power], [.dram],
    ])
  func columns(missing: [DeviceCounter]) throws {
    let truth = try Truth()
    let rows = truth.rows.map { row in
      var row = row
      for counter in missing { row.sample[counter] = nil }
      return row
    }
    try truth.check(rows, part: "H100-SXM5-80GB")
  }

  @Test("MFU from counters alone is within 2 points of the recording's own clock")
  func mfu() throws {
    let truth = try Truth()
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let segments = try truth.segments(truth.rows, part: part.name)
    // What each phase achieved by its own clock, percent of the dense bf16 peak: nvml-a.json.
    for (phase, own) in [("gemm_bf16", 68.2), ("train_bf16", 36.04), ("train_starved", 6.88)] {
      let middle = try truth.middle(of: phase)
      let segment = try #require(segments.first { $0.fromSeconds <= middle && middle < $0.toSeconds })
      let mfu = try #require(CounterMFU(segment, part: part).mfu)
      #expect(abs(mfu * 100 - own) < 2, "\(phase): \(mfu)")
    }
    let middle = try truth.middle(of: "decode_b1")
    let decode = try #require(segments.first { $0.fromSeconds <= middle && middle < $0.toSeconds })
    #expect(CounterMFU(decode, part: part).flags == [.memoryBound, .paddedTiles])
  }
}

/// Rows of the recording with what the device was doing.
struct Truth {
  struct Row: Sendable {
    var phase: String
    var sample: DeviceSample
  }

  static let file = Shared.file("h100-nvml/nvml-a.csv.gz")
  static let wanted: [String: DeviceState] = [
    "idle": .idle, "gemm_bf16": .working, "train_bf16": .working, "memcopy": .memoryBound, "train_starved": .starved,
    "launch_bound": .launchBound, "spin_hang": .hung, "decode_b1": .memoryBound,
  ]

  var rows: [Row]

  init() throws {
    let text = String(decoding: try Gzip.unpack(Array(Data(contentsOf: try #require(Self.file)))), as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    let column = try #require(lines[0].firstIndex(of: "phase"))
    let blind = lines.map { ($0[..<column] + $0[(column + 1)...]).joined(separator: ",") }.joined(separator: "\n")
    let samples = try Recording(file: Array(blind.utf8)).samples
    rows = zip(lines.dropFirst(), samples).map { Row(phase: String($0[column]), sample: $1) }
  }

  var phases: [[Row]] { Self.phases(rows) }

  static func phases(_ rows: [Row]) -> [[Row]] {
    rows.reduce(into: []) { phases, row in
      if phases.last?.last?.phase == row.phase {
        phases[phases.count - 1].append(row)
      } else {
        phases.append([row])
      }
    }
  }

  /// From the first sample of the phase's work to its last; all of an idle one. Start-up, with a pause before the work,
  /// is none.
  static func work(_ phase: [Row]) -> [Row] {
    guard phase[0].phase != "idle" else { return phase }
    func isBusy(_ row: Row) -> Bool { (row.sample[.graphics] ?? row.sample[.utilisation] ?? 0) > 0.05 }
    guard let last = phase.lastIndex(where: isBusy), let first = phase.firstIndex(where: isBusy) else { return [] }
    return Array(phase[first...last])
  }

  /// One phase after the other, on a new clock.
  static func joined(_ phases: [[Row]]) -> [Row] {
    var now = 0.0
    return phases.flatMap { phase -> [Row] in
      let offset = now - phase[0].sample.seconds
      let moved = phase.map { row in
        var row = row
        row.sample.seconds += offset
        return row
      }
      now = (moved.last?.sample.seconds ?? now) + 0.207
      return moved
    }
  }

  func noisy(_ rows: [Row], _ chance: inout Seeded) -> [Row] {
    rows.map { row in
      var row = row
      for counter in DeviceCounter.allCases where counter != .processes {
        // The sum of three is near enough to a bell of 5 %.
        let noise = (0..<3).map { _ in Double.random(in: -0.05...0.05, using: &chance) }.reduce(0, +)
        row.sample[counter] = row.sample[counter].map { $0 * (1 + noise) }
      }
      return row
    }
  }

  func middle(of phase: String) throws -> Double {
    let work = Self.work(rows.filter { $0.phase == phase })
    return try #require(work.isEmpty ? nil : work[work.count / 2].sample.seconds)
  }

  func segments(_ rows: [Row], part: String?) throws -> [DeviceSegment] {
    DeviceTimeline(rows.map(\.sample), part: part.flatMap(DevicePart.named)).segments
  }

  /// Each phase's state is told `within` seconds of the first sample of its work and then until its last second; and
  /// no other phase is hung.
  func check(_ rows: [Row], part: String?, within: Double = 10) throws {
    let segments = try segments(rows, part: part)
    func state(at seconds: Double) -> DeviceState? {
      segments.last { $0.fromSeconds <= seconds }?.reading.state
    }
    var before: DeviceState?
    for phase in Self.phases(rows) {
      let wanted = Self.wanted[phase[0].phase]
      let work = wanted == nil ? [] : Self.work(phase)
      if let wanted, let first = work.first?.sample.seconds, let last = work.last?.sample.seconds {
        let told = work.first { state(at: $0.sample.seconds) == wanted }?.sample.seconds
        #expect(
          told.map { $0 <= first + within } == true,
          "\(phase[0].phase) from \(first) told at \(String(describing: told))")
        for row in work where row.sample.seconds >= told ?? last && row.sample.seconds < last - 1.5 {
          #expect(state(at: row.sample.seconds) == wanted, "\(phase[0].phase) at \(row.sample.seconds)")
        }
      }
      // The first second still may belong to what was before.
      for row in phase where wanted != .hung && (before != .hung || row.sample.seconds > phase[0].sample.seconds + 1) {
        #expect(state(at: row.sample.seconds) != .hung, "\(phase[0].phase) at \(row.sample.seconds)")
      }
      before = wanted
    }
  }
}
