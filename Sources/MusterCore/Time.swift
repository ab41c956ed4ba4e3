/// A moment: nanoseconds since 1970-01-01T00:00:00Z, as the host's clock gave them. The core never reads a clock; the
/// host hands `now` in and never lets it go back.
public struct Instant: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Instant(nanoseconds: 0)
  /// Later than every real moment: what a timer that is not set says.
  public static let never = Instant(nanoseconds: .max)

  public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

  /// `never` plus anything is `never`; other sums stop the program when they overflow (after the year 2262).
  public static func + (a: Instant, b: Span) -> Instant {
    a == .never ? .never : Instant(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
  public static func - (a: Instant, b: Span) -> Instant { Instant(nanoseconds: a.nanoseconds - b.nanoseconds) }
  public static func - (a: Instant, b: Instant) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }
}

/// A length of time in integer nanoseconds. (The standard library's `Duration` is 16 bytes of attoseconds: too wide for
/// state that is kept 100,000 times.)
public struct Span: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static func milliseconds(_ n: Int64) -> Span { Span(nanoseconds: n * 1_000_000) }
  public static func seconds(_ n: Int64) -> Span { Span(nanoseconds: n * 1_000_000_000) }
  public static let zero = Span(nanoseconds: 0)

  public static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds + b.nanoseconds) }
  public static func - (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }
  public static func * (a: Span, b: Int64) -> Span { Span(nanoseconds: a.nanoseconds * b) }

  /// Whole milliseconds, rounded towards zero.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }
  /// For display only.
  public var seconds: Double { Double(nanoseconds) / 1e9 }
}

/// A host's time: wall time, read once at the start and from then on moved by a clock that never jumps. It begins no
/// earlier than the last fact: where the wall clock was set back between two starts, time goes on from that fact instead
/// of standing still until the wall has caught up (in which nobody's silence would be seen and no lease would end).
///
/// Of a pretend fleet time passes `speed` times as fast.
public struct SteadyClock: Sendable {
  private let start: Instant
  private let steadyStart: Instant
  private let speed: Int64

  /// - Precondition: `speed` is at least 1.
  public init(wall: Instant, steady: Instant, notBefore: Instant, speed: Int64 = 1) {
    precondition(speed >= 1, "a clock of speed \(speed) would stand still or go back")
    start = max(wall, notBefore)
    steadyStart = steady
    self.speed = speed
  }

  public func now(steady: Instant) -> Instant { start + (steady - steadyStart) * speed }
}
