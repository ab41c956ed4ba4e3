/// Which columns of a recording tell tensor activity. That is asked of the whole recording, not row by row: means over rows
/// of which some have one column and some another would be of neither.
///
/// `gpm_any_tensor_util`, in the rows that have it. Where no row has it, the busiest pipe of those that any row has, in the
/// rows that have all of these; among them must be `hmma`, which does the work of floating point: `imma` (integers) or
/// `dfma` (fp64) alone measure no work but their own.
struct TensorColumns {
  typealias Row = SIMD4<Double>

  static let names = ["gpm_any_tensor_util"] + Recording.tensorPipes
  static let missing = -1.0

  private var rows: [Row] = []
  /// The columns that a row has had.
  private var seen = Row(repeating: missing)

  /// - Parameter row: 0...1 by column, in the order of `names`; `missing` where it was not measured.
  mutating func add(_ row: Row) {
    rows.append(row)
    seen = pointwiseMax(seen, row)
  }

  /// - Parameter samples: one for each row.
  func fill(_ samples: inout [DeviceSample]) {
    func has(_ row: Row, _ column: Int) -> Bool { row[column] != Self.missing }
    let columns = has(seen, 0) ? [0] : (1...3).filter { has(seen, $0) }
    guard columns.contains(0) || columns.contains(1) else { return }
    for i in samples.indices where columns.allSatisfy({ has(rows[i], $0) }) {
      samples[i][.tensor] = columns.map { rows[i][$0] }.max()
    }
  }
}
