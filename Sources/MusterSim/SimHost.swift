import MusterCore
import MusterProtocol

/// What the server's process holds around the core, as `WriterLoop` and `LinkTable` do.
struct SimHost: Sendable {
  enum Work {
    case message(Int, NodeMessage)
    case ended(Int)
    case request(Int)
    case order(Command)
    /// A round is back.
    case plan(Command)
  }
  enum Telling {
    case greeted(Int, NodeID)
    case refused(Int, String)
    case intent(Int, NodeID, beat: Int64, known: Set<MemberID>)
    case want(Int, MemberID, beat: Int64)
    case answer(Int, Controller.Reply)
  }

  /// A crash in the midst of the next commit.
  struct Crash: Sendable {
    var downFor: Int64
    /// Synced, and nobody told; else applied, and not synced.
    var isAfterSync: Bool
  }

  var isUp = false
  /// Its first facts are durable: it takes connections.
  var isListening = false
  /// Counts starts and rebuilds: what belongs to an earlier one is void.
  var life = 0
  var stalledUntil: Int64 = 0
  /// Since when it has run without being held.
  var attentiveFrom: Int64 = 0
  var isSyncing = false
  var syncFails = false
  var crashAtNextCommit: Crash?
  var writerAt: Int64 = .max
  /// The host's time, which never goes back.
  var time: Instant = .zero
  var clock = SteadyClock(wall: .zero, steady: .zero, notBefore: .zero)
  /// How far the machine's wall clock is from the truth; read at a start only. Nanoseconds.
  var wallError: Int64 = 0
  /// Its time, and what its steady clock showed, when this life began.
  var began: (time: Instant, steady: Instant) = (.zero, .zero)
  var nextTick: Instant = .zero
  var audited = 0
  var commits = 0
  /// A round is on its way.
  var isPlanning = false

  var faults: [Work] = []
  var orders: [Work] = []
  var submissions: [Work] = []
  var tellings: [Telling] = []
  /// The facts of the batch that is being synced.
  var inFlight: [Fact] = []
  var dirtyInFlight: Controller.Dirty?

  var agents: [NodeID: Int] = [:]
  var links: [MemberID: Int] = [:]
  /// Connections of this life, in the order in which they came.
  var open: [Int] = []
}
