/// A recording of one device: a CSV file with a header, a row a sample. Read are the columns in `columns` and `t_s`, in
/// any order; all else, a column that says what the device was doing above all, is not looked at.
public struct Recording: Hashable, Sendable {
  public var samples: [DeviceSample]
  /// Columns that were read, in the table's order.
  public var columns: [String]

  /// Where a value comes from: the column's name, and what its unit is multiplied with to be the counter's.
  struct Source: Sendable {
    var column: String
    var counter: DeviceCounter
    var factor: Double
  }

  /// Units of the file: power mW, shares in percent, clocks MHz, memory bytes, PCIe MiB/s.
  static let columns: [Source] = [
    Source(column: "gpu_util_pct", counter: .utilisation, factor: 0.01),
    Source(column: "mem_util_pct", counter: .memoryUtilisation, factor: 0.01),
    Source(column: "power_mw", counter: .power, factor: 0.001),
    Source(column: "sm_clock_mhz", counter: .smClock, factor: 1),
    Source(column: "mem_used_bytes", counter: .memoryUsed, factor: 1),
    Source(column: "processes", counter: .processes, factor: 1),
    Source(column: "gpm_graphics_util", counter: .graphics, factor: 0.01),
    Source(column: "gpm_sm_util", counter: .sm, factor: 0.01),
    Source(column: "gpm_sm_occupancy", counter: .occupancy, factor: 0.01),
    Source(column: "gpm_integer_util", counter: .integer, factor: 0.01),
    Source(column: "gpm_dram_bw_util", counter: .dram, factor: 0.01),
    Source(column: "gpm_fp64_util", counter: .fp64, factor: 0.01),
    Source(column: "gpm_fp32_util", counter: .fp32, factor: 0.01),
    Source(column: "gpm_fp16_util", counter: .fp16, factor: 0.01),
    Source(column: "gpm_pcie_rx_mibps", counter: .pcieReceived, factor: 1),
    Source(column: "gpm_pcie_tx_mibps", counter: .pcieSent, factor: 1),
  ]

  /// One pipe each; see `TensorColumns`.
  static let tensorPipes = ["gpm_hmma_tensor_util", "gpm_imma_tensor_util", "gpm_dfma_tensor_util"]
  static let timeColumn = "t_s"
  static let throttleColumn = "throttle_reasons"
  /// NVML's nvmlClocksThrottleReasonSwPowerCap.
  static let powerCapBit: UInt64 = 4

  /// - Parameter file: as it lies on disk, packed by gzip or not.
  public init(file: [UInt8]) throws(RecordingProblem) {
    let text: [UInt8]
    do throws(Gzip.Problem) {
      text = Gzip.isGzip(file) ? try Gzip.unpack(file) : file
    } catch {
      throw .packed(error)
    }
    try self.init(text: text)
  }

  init(text: [UInt8]) throws(RecordingProblem) {
    let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
    let content = text.starts(with: byteOrderMark) ? text[byteOrderMark.count...] : text[...]
    var lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).makeIterator()
    guard let head = lines.next(), !Self.cells(head).allSatisfy(\.isEmpty) else { throw .empty }
    // Before the last byte: it would be the end of a line to some.
    guard !head.dropLast().contains(UInt8(ascii: "\r")) else { throw .lineEnds }
    let header = try Header(Self.cells(head).map(Self.text))
    columns = header.columns
    samples = []
    var tensor = TensorColumns()
    var number = 1
    while let line = lines.next() {
      number += 1
      let cells = Self.cells(line)
      if cells.count == 1, cells[0].isEmpty { continue }
      guard cells.count == header.count else { throw .width(line: number, cells.count, expected: header.count) }
      let sample = try header.sample(cells, line: number, &tensor)
      if let last = samples.last, sample.seconds < last.seconds {
        throw .backwards(line: number, Self.text(cells[header.time]), after: last.seconds)
      }
      samples.append(sample)
    }
    guard !samples.isEmpty else { throw .noSamples }
    tensor.fill(&samples)
  }

  /// Without the blanks and quotes around them. No column that is read holds a comma.
  private static func cells(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { cell in
      let rest = cell.drop(while: isAround)
      let end = rest.lastIndex { !isAround($0) }.map { $0 + 1 } ?? rest.startIndex
      return rest[rest.startIndex..<end]
    }
  }

  fileprivate static func text(_ cell: ArraySlice<UInt8>) -> String { String(decoding: cell, as: UTF8.self) }

  private static func isAround(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: "\"")
  }
}

/// What is wrong with a recording. Lines count from 1, the header's.
public enum RecordingProblem: Error, Hashable, Sendable, CustomStringConvertible {
  case packed(Gzip.Problem)
  case tooLong(Int)
  case empty
  case lineEnds
  case noSamples
  case noColumn(String)
  case noCounters
  case sameColumn(String)
  case width(line: Int, Int, expected: Int)
  case notANumber(line: Int, column: String, String)
  case backwards(line: Int, String, after: Double)

  public var description: String {
    switch self {
    case .packed(let problem): "\(problem)"
    case .tooLong(let limit): "the file is longer than \(limit / 1_048_576) MiB"
    case .empty: "line 1: the file is empty (allowed: a header that names the columns, then a row a sample)"
    case .lineEnds: "line 1: it ends in CR alone (allowed: lines that end in LF, or in CR and LF)"
    case .noSamples:
      "line 2: there is no row below the header (allowed: a header that names the columns, then a row a sample)"
    case .noColumn(let name): "line 1: there is no column \(name) (allowed: a CSV file with the time in seconds in it)"
    case .noCounters:
      "line 1: no column tells what a device does (allowed: one or more of "
        + Recording.columns.prefix(3).map(\.column).joined(separator: ", ") + ", gpm_...; see docs/devices.md)"
    case .sameColumn(let name): "line 1: the column \(name) stands there twice"
    case .width(let line, let cells, let expected):
      "line \(line): \(cells) cells (allowed: \(expected), as many as the header has)"
    case .notANumber(let line, let column, let value):
      "line \(line): \(column): \(value) (allowed: "
        + (column == Recording.timeColumn
          ? "seconds, a decimal number" : "a number, or nothing where it was not measured") + ")"
    case .backwards(let line, let value, let last):
      "line \(line): \(Recording.timeColumn): \(value) (allowed: \(last) or more: time does not go back)"
    }
  }

  public var remedy: String {
    switch self {
    case .packed: "`gzip -t` tells where it breaks; copy it once more, or record again"
    case .tooLong: "cut it: a recording is of one device"
    case .lineEnds: "`tr '\\r' '\\n' < FILE` makes such lines"
    case .empty, .noSamples, .noColumn, .noCounters, .sameColumn, .width, .notANumber:
      "docs/devices.md names the columns and their units"
    case .backwards: "sort its rows by \(Recording.timeColumn), or cut it where its clock was set back"
    }
  }
}

/// Which cell is what.
private struct Header {
  var count: Int
  var time: Int
  var columns: [String]
  private var sources: [(cell: Int, Recording.Source)] = []
  /// `gpm_any_tensor_util` first, then the pipes.
  private var tensor: [(cell: Int, index: Int, column: String)] = []
  private var throttle: Int?

  init(_ names: [String]) throws(RecordingProblem) {
    count = names.count
    var cells: [String: Int] = [:]
    let known = Recording.columns.map(\.column) + TensorColumns.names + [Recording.throttleColumn]
    for (cell, name) in names.enumerated() where name == Recording.timeColumn || known.contains(name) {
      guard cells[name] == nil else { throw .sameColumn(name) }
      cells[name] = cell
    }
    guard let time = cells[Recording.timeColumn] else { throw .noColumn(Recording.timeColumn) }
    self.time = time
    sources = Recording.columns.compactMap { source in cells[source.column].map { ($0, source) } }
    tensor = TensorColumns.names.enumerated().compactMap { i, name in cells[name].map { ($0, i, name) } }
    throttle = cells[Recording.throttleColumn]
    columns = known.filter { cells[$0] != nil }
    guard !sources.isEmpty || !tensor.isEmpty else { throw .noCounters }
  }

  func sample(
    _ cells: [ArraySlice<UInt8>], line: Int, _ columns: inout TensorColumns
  ) throws(RecordingProblem) -> DeviceSample {
    let text = Recording.text(cells[time])
    guard let seconds = Self.decimal(text), seconds.isFinite else {
      throw .notANumber(line: line, column: Recording.timeColumn, text)
    }
    var sample = DeviceSample(seconds: seconds)
    for (cell, source) in sources {
      guard let value = try Self.value(cells[cell], source.column, line) else { continue }
      sample[source.counter] = DeviceSample.measured(value).map { $0 * source.factor }
    }
    var row = TensorColumns.Row(repeating: TensorColumns.missing)
    for (cell, index, column) in tensor {
      guard let value = try Self.value(cells[cell], column, line).flatMap(DeviceSample.measured) else { continue }
      row[index] = min(1, value * 0.01)
    }
    columns.add(row)
    if let throttle, let mask = try Self.value(cells[throttle], Recording.throttleColumn, line) {
      sample.isPowerCapped = UInt64(exactly: mask).map { $0 & Recording.powerCapBit != 0 }
    }
    return sample
  }

  /// Swift reads `0x10` as 16.
  private static func decimal(_ text: String) -> Double? {
    text.contains { $0 == "x" || $0 == "X" } ? nil : Double(text)
  }

  /// nil where a tool wrote that there is none: nothing, `N/A`, `[Not Supported]` (nvidia-smi), an error's text, NaN.
  private static func value(
    _ bytes: ArraySlice<UInt8>, _ column: String, _ line: Int
  ) throws(RecordingProblem) -> Double? {
    let cell = Recording.text(bytes)
    // NVML's mask is written in hexadecimal by its own tool.
    if let value = column == Recording.throttleColumn ? Double(cell) : decimal(cell) {
      return value.isNaN ? nil : value
    }
    if cell.isEmpty || cell.hasPrefix("[") || cell.hasPrefix("ERR") { return nil }
    if ["n/a", "none", "null", "-"].contains(cell.lowercased()) { return nil }
    throw .notANumber(line: line, column: column, cell)
  }
}
