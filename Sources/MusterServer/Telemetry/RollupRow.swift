/// A packed `NodeRollup` that is to be kept: of a node, or with one device in it of a job.
struct RollupRow: Hashable, Sendable {
  /// A node's index or a job's number.
  var key: Int64
  /// When it begins, milliseconds since 1970.
  var at: Int64
  var bytes: [UInt8]
}

/// What is kept apart, each for its own time.
enum RollupLevel: String, CaseIterable, Sendable {
  /// As agents sent it; only nodes with a device that a job holds.
  case sent = "10s"
  case minute = "1m"
  case hour = "1h"
  /// All devices of a job together, by minute.
  case jobs = "jobs-1m"

  var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// Milliseconds; of what is sent the usual.
  var step: Int64 {
    switch self {
    case .sent: 10_000
    case .minute, .jobs: 60_000
    case .hour: 3_600_000
    }
  }

  /// What one file holds, milliseconds: what is too old goes by the file.
  var stretch: Int64 {
    switch self {
    case .sent: 3_600_000
    case .minute, .jobs: 86_400_000
    case .hour: 30 * 86_400_000
    }
  }
}

/// How long history is kept, milliseconds. A job's minutes live as long as the nodes', what its devices did in all as long
/// as the hours.
public struct RollupsKept: Hashable, Sendable {
  public var sent: Int64 = 6 * 3_600_000
  public var minutes: Int64 = 7 * 86_400_000
  public var hours: Int64 = 400 * 86_400_000

  public init() {}

  func time(_ level: RollupLevel) -> Int64 {
    switch level {
    case .sent: sent
    case .minute, .jobs: minutes
    case .hour: hours
    }
  }
}
