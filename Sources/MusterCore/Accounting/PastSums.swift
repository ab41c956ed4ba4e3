/// Sums of GPU-milliseconds of the past, by a unit of time and by group. 16 bytes for each group that has something in
/// an hour, and for each in a day.
struct PastSums: Sendable {
  struct Entry: Hashable, Sendable {
    /// In `PastJobs.groups`.
    var group: Int32
    var amount: Int64
  }

  /// Milliseconds.
  let unit: Int64
  /// The first of `pieces`, in units since 1970.
  private(set) var first: Int64 = 0
  /// By unit of time, each ascending by group.
  private(set) var pieces: [[Entry]] = []

  /// Of an hour or a day, in milliseconds.
  init(unit: Int64, first: Int64 = 0, pieces: [[Entry]] = []) {
    (self.unit, self.first, self.pieces) = (unit, first, pieces)
  }

  /// Milliseconds since 1970; the same where there is nothing.
  var begin: Int64 { first * unit }
  var end: Int64 { (first + Int64(pieces.count)) * unit }

  /// The unit that a moment lies in.
  func piece(at moment: Int64) -> [Entry] {
    let i = moment / unit - first
    return i >= 0 && i < pieces.count ? pieces[Int(i)] : []
  }

  /// So many devices from one moment to another, cut where units end: nothing is rounded.
  mutating func add(_ group: Int32, from: Int64, to: Int64, devices: Int64) {
    var at = from
    while at < to {
      let number = at / unit
      let stop = min(to, (number + 1) * unit)
      add(Entry(group: group, amount: (stop - at) * devices), toUnit: number)
      at = stop
    }
  }

  mutating func add(_ entry: Entry, toUnit number: Int64) {
    if pieces.isEmpty { first = number }
    if number < first {
      // A long job that began before all that have ended so far.
      pieces.insert(contentsOf: repeatElement([], count: Int(first - number)), at: 0)
      first = number
    }
    while first + Int64(pieces.count) <= number { pieces.append([]) }
    let i = Int(number - first)
    var (low, high) = (0, pieces[i].count)
    while low < high {
      let middle = (low + high) / 2
      if pieces[i][middle].group < entry.group { low = middle + 1 } else { high = middle }
    }
    if low < pieces[i].count, pieces[i][low].group == entry.group {
      pieces[i][low].amount += entry.amount
    } else {
      pieces[i].insert(entry, at: low)
    }
  }

  /// Gives back what growing arrays keep for more: most pieces are complete.
  mutating func trim() {
    for i in pieces.indices where pieces[i].capacity > pieces[i].count + pieces[i].count / 4 + 4 {
      pieces[i] = pieces[i].map { $0 }
    }
  }
}
