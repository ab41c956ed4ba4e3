/// Where every GPU-millisecond of the fleet went. Each account is added up on its own, from what it is about: attempts,
/// nodes that are out, or devices that nobody holds. That they come to the fleet's capacity is checked, not arranged.
public struct Accounts: Hashable, Sendable {
  /// Work that counts: it was finished, or a checkpoint holds it, or its walltime was over, or it still runs.
  public var productive: Int64 = 0
  /// Work that was lost when an attempt ended, and is done again.
  public var redone: Int64 = 0
  /// From an attempt's start until its work goes on.
  public var starting: Int64 = 0
  /// From when an attempt begins to end until its devices are given back.
  public var stopping: Int64 = 0
  /// Held by a job that did not ask for them: whole nodes, rounded up.
  public var rounding: Int64 = 0
  /// Nodes that are out for a fault, until they are repaired.
  public var broken: Int64 = 0
  /// Nodes that the core took out itself, because faults gathered on them.
  public var isolated: Int64 = 0
  /// In service, and nobody's.
  public var free: Int64 = 0

  public static let names = [
    "productive", "redone", "starting", "stopping", "rounding", "broken", "isolated", "free",
  ]

  public var all: [Int64] { [productive, redone, starting, stopping, rounding, broken, isolated, free] }

  public var sum: Int64 { all.reduce(0, +) }

  /// What jobs held and had asked for.
  public var delivered: Int64 { productive + redone + starting + stopping }
}

/// How the fleet was used over time, in at most 2,048 pieces of equal length: when more are needed, two become one.
public struct UseOverTime: Hashable, Sendable {
  public struct Piece: Hashable, Sendable {
    /// GPU-milliseconds.
    public var held: Int64 = 0
    public var out: Int64 = 0
    public var free: Int64 = 0
    /// Of `free`: on nodes of which a part is held. A gang that takes whole nodes cannot have them.
    public var freeOnPartNodes: Int64 = 0
    /// Job-milliseconds.
    public var waiting: Int64 = 0
  }

  static let most = 2_048
  public private(set) var pieceMilliseconds: Int64 = 60_000
  public private(set) var pieces: [Piece] = []
  let begin: Int64

  init(begin: Int64) { self.begin = begin }

  /// The same use from one moment to another. (`level`: devices, and jobs, not milliseconds.)
  mutating func add(_ level: Piece, from: Int64, to: Int64) {
    var at = from
    while at < to {
      var i = Int((at - begin) / pieceMilliseconds)
      while i >= Self.most {
        halve()
        i = Int((at - begin) / pieceMilliseconds)
      }
      while pieces.count <= i { pieces.append(Piece()) }
      let end = min(to, begin + Int64(i + 1) * pieceMilliseconds)
      let length = end - at
      pieces[i].held += level.held * length
      pieces[i].out += level.out * length
      pieces[i].free += level.free * length
      pieces[i].freeOnPartNodes += level.freeOnPartNodes * length
      pieces[i].waiting += level.waiting * length
      at = end
    }
  }

  private mutating func halve() {
    pieceMilliseconds *= 2
    for i in 0..<(pieces.count + 1) / 2 {
      var sum = pieces[2 * i]
      if 2 * i + 1 < pieces.count {
        let other = pieces[2 * i + 1]
        sum.held += other.held
        sum.out += other.out
        sum.free += other.free
        sum.freeOnPartNodes += other.freeOnPartNodes
        sum.waiting += other.waiting
      }
      pieces[i] = sum
    }
    pieces.removeSubrange(((pieces.count + 1) / 2)...)
  }
}
