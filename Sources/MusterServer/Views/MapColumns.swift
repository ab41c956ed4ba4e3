import MusterCore
import MusterProtocol

/// Equal values that follow one another, as value and count.
struct Runs<Value: Equatable> {
  private(set) var list: [(value: Value, count: Int)] = []

  init(_ values: some Sequence<Value>) {
    for value in values { append(value) }
  }

  mutating func append(_ value: Value) {
    if let last = list.last, last.value == value {
      list[list.count - 1].count += 1
    } else {
      list.append((value, 1))
    }
  }

  /// `"name":[value,count,...]`.
  func write(_ name: String, into out: inout [UInt8], _ text: (Value) -> String) {
    out += "\"\(name)\":[".utf8
    for (i, run) in list.enumerated() {
      if i > 0 { out.append(UInt8(ascii: ",")) }
      out += "\(text(run.value)),\(run.count)".utf8
    }
    out.append(UInt8(ascii: "]"))
  }
}

/// What changes from one look to the next, by node in the order in which they stand.
struct MapColumns {
  private var standings = Runs<FleetPicture.Standing>([])
  private var devices = Runs<UInt8>([])
  private var placements = Runs<UInt8>([])
  private var jobs = Runs<Int64>([])
  private var masks = Runs<UInt64>([])

  init(_ picture: FleetPicture, order: [Int32]) {
    var (starts, next) = ([Int](), 0)
    starts.reserveCapacity(picture.placementCounts.count)
    for count in picture.placementCounts {
      starts.append(next)
      next += Int(count)
    }
    for node in order {
      let i = Int(node)
      standings.append(picture.standings[i])
      devices.append(picture.devices[i])
      placements.append(picture.placementCounts[i])
      for placement in starts[i]..<(starts[i] + Int(picture.placementCounts[i])) {
        jobs.append(picture.jobs[placement])
        masks.append(picture.masks[placement])
      }
    }
  }

  func write(into out: inout [UInt8]) {
    standings.write("standings", into: &out) { "\"\(String(UnicodeScalar($0.rawValue)))\"" }
    out.append(UInt8(ascii: ","))
    devices.write("devices", into: &out) { "\($0)" }
    out.append(UInt8(ascii: ","))
    placements.write("placements", into: &out) { "\($0)" }
    out.append(UInt8(ascii: ","))
    jobs.write("jobs", into: &out) { "\($0)" }
    out.append(UInt8(ascii: ","))
    // A number of JSON holds 53 bits everywhere; a mask may have 64.
    masks.write("masks", into: &out) { "\"\(String($0, radix: 16))\"" }
  }
}

/// Names that count up: `node-08`, `node-09`, `node-10` are one run from 8, of two digits.
struct NameRun: Equatable {
  var stem: String
  /// -1: the stem is the whole name.
  var first: Int
  /// Leading zeros fill up to so many digits; 0: there are none.
  var width: Int
  var count: Int

  var json: JSON { [.string(stem), JSON(first), JSON(width), JSON(count)] }

  init(_ name: String) {
    // Fifteen digits are exact wherever JSON is read.
    let digits = name.utf8.reversed().prefix(15).prefix { $0 >= 48 && $0 <= 57 }.count
    (stem, first, width, count) = (String(name.dropLast(digits)), Int(name.suffix(digits)) ?? -1, 0, 1)
    if digits > 1, name.suffix(digits).hasPrefix("0") { width = digits }
  }

  static func list(_ names: [String]) -> [NameRun] {
    var runs: [NameRun] = []
    for name in names {
      let next = NameRun(name)
      if var last = runs.last, last.isFollowed(by: next) {
        last.count += 1
        runs[runs.count - 1] = last
      } else {
        runs.append(next)
      }
    }
    return runs
  }

  private func isFollowed(by next: NameRun) -> Bool {
    guard first >= 0, next.first == first + count, next.stem == stem else { return false }
    // `09` is followed by `10`, `9` by `10`; `009` is not.
    return next.width == width || (next.width == 0 && width > 0 && String(next.first).count == width)
  }
}
