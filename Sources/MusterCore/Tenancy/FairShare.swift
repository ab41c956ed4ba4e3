/// Device time that was used, forgotten by half every week: what fair share compares. A project that used nothing for a
/// while stands before one that used much.
struct DecayedUse: Hashable, Sendable {
  /// As Slurm's default (`PriorityDecayHalfLife`).
  static let halfLife = Span.seconds(7 * 86_400)

  /// At `at`.
  var deviceSeconds: Double = 0
  var at: Instant = .zero

  /// Devices that were held from one time to another.
  mutating func add(devices: Int, from start: Instant, to end: Instant) {
    deviceSeconds = seconds(at: end) + Self.use(devices: devices, for: end - start)
    at = max(at, end)
  }

  func seconds(at now: Instant) -> Double { deviceSeconds * Self.left(of: now - at) }

  /// What is left at the end of a time in which so many devices were held: the integral of 2^(-t / half-life).
  static func use(devices: Int, for time: Span) -> Double {
    let naturalHalf = Double(halfLife.nanoseconds) / 1e9 / 0.693_147_180_559_945_3
    return Double(devices) * naturalHalf * (1 - left(of: time))
  }

  /// 2^(-t / half-life), the same on every machine: from sums and products alone.
  static func left(of time: Span) -> Double {
    guard time > .zero else { return 1 }
    let halves = Double(time.nanoseconds) / Double(halfLife.nanoseconds)
    guard halves < 60 else { return 0 }
    let whole = halves.rounded(.down)
    // e^(-x) for x below ln 2: the tenth term is below 1e-8 of the first.
    let x = (halves - whole) * 0.693_147_180_559_945_3
    var (sum, term) = (1.0, 1.0)
    for n in 1...12 {
      term *= -x / Double(n)
      sum += term
    }
    return sum * Double(sign: .plus, exponent: -Int(whole), significand: 1)
  }
}
