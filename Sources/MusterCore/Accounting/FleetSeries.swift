/// Devices, or GPU-milliseconds, of one type that no attempt has; and all that there are.
struct FleetPiece: Hashable, Sendable {
  private var values = SIMD8<Int64>(repeating: 0)

  static let accounts: [Account] = [.draining, .verifying, .broken, .heldForGang, .maintenance, .free]

  var capacity: Int64 {
    get { values[0] }
    set { values[0] = newValue }
  }

  subscript(account: Account) -> Int64 {
    get { Self.place(account).map { values[$0] } ?? 0 }
    set { if let i = Self.place(account) { values[i] = newValue } }
  }

  private static func place(_ account: Account) -> Int? {
    switch account {
    case .draining: 1
    case .verifying: 2
    case .broken: 3
    case .heldForGang: 4
    case .maintenance: 5
    case .free: 6
    case .productive, .checkpointing, .evaluating, .starting, .redone, .hung, .straggling, .inputStall, .preempted,
      .unattributed:
      nil
    }
  }

  /// So many of the devices that are free, or all of them, are kept for gangs that wait.
  func keeping(_ devices: Int64) -> FleetPiece {
    var out = self
    let kept = min(devices, max(0, self[.free]))
    out[.free] -= kept
    out[.heldForGang] += kept
    return out
  }

  static func += (a: inout FleetPiece, b: FleetPiece) { a.values = a.values &+ b.values }
  static func * (a: FleetPiece, length: Int64) -> FleetPiece {
    var out = a
    out.values = a.values &* SIMD8(repeating: length)
    return out
  }
}

/// Sums of GPU-milliseconds by minute for a week, by hour before that. 64 bytes a piece: 0.6 MB for the week, 0.6 MB a
/// year for the hours, for each device type.
struct FleetSeries: Sendable {
  static let minute: Int64 = 60_000
  static let hour: Int64 = 3_600_000
  /// Minutes that are kept as such; whole hours of them, and one more.
  static let minuteLimit = 7 * 24 * 60 + 60

  /// Devices, now.
  var level = FleetPiece()
  /// Of what is free: what the plan keeps for gangs that wait, as it was told last.
  var kept: Int64 = 0
  /// The first of `hours`, in hours since 1970.
  var firstHour: Int64 = 0
  var hours: [FleetPiece] = []
  /// The first of `minutes`, in minutes since 1970; always the first of an hour, the one after the last of `hours`.
  var firstMinute: Int64 = -1
  var minutes: [FleetPiece] = []

  /// The level, over a time that lies behind all that was added.
  mutating func add(from: Int64, to: Int64) {
    guard level != FleetPiece() else { return }
    let level = level.keeping(kept)
    if firstMinute < 0 {
      firstHour = from / Self.hour
      firstMinute = firstHour * 60
    }
    var at = from
    while at < to {
      let minute = at / Self.minute
      let end = min(to, (minute + 1) * Self.minute)
      while firstMinute + Int64(minutes.count) <= minute {
        if minutes.count >= Self.minuteLimit { foldHour() }
        minutes.append(FleetPiece())
      }
      minutes[Int(minute - firstMinute)] += level * (end - at)
      at = end
    }
  }

  private mutating func foldHour() {
    var sum = FleetPiece()
    for piece in minutes.prefix(60) { sum += piece }
    hours.append(sum)
    minutes.removeFirst(60)
    firstMinute += 60
  }

  /// The pieces that lie at least partly between two moments, with when each begins and ends. Milliseconds since 1970.
  func forEach(from: Int64, to: Int64, _ body: (Int64, Int64, FleetPiece) -> Void) {
    guard firstMinute >= 0, from < to else { return }
    for (i, piece) in hours.enumerated() {
      let start = (firstHour + Int64(i)) * Self.hour
      if start < to, start + Self.hour > from { body(start, start + Self.hour, piece) }
    }
    for (i, piece) in minutes.enumerated() {
      let start = (firstMinute + Int64(i)) * Self.minute
      if start < to, start + Self.minute > from { body(start, start + Self.minute, piece) }
    }
  }

  /// The piece that a moment lies in; the moment alone where nothing was added.
  func piece(at moment: Int64) -> Range<Int64> {
    guard firstMinute >= 0 else { return moment..<moment }
    let unit = moment / Self.minute < firstMinute ? Self.hour : Self.minute
    let start = moment / unit * unit
    return start..<start + unit
  }
}
