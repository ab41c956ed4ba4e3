/// What may be held at once, as rows that accounts share. An account is a project, or one user of it; its chains lead from
/// the project's own row to those of its parents, so that a tree with borrowing, limits for a project and limits for a
/// user are one thing to the planner.
public struct QuotaRules: Hashable, Sendable {
  public static let unlimited = Int32.max

  public struct Row: Hashable, Sendable {
    /// At the same time.
    public var most: Int32
    /// Of a guarantee that is not lent: use up to it is not counted in the next row of a chain, and others never get it.
    public var kept: Int32

    public init(most: Int32, kept: Int32 = 0) {
      self.most = most
      self.kept = kept
    }
  }

  /// Rows that one hold is counted in, innermost first.
  public struct Chain: Hashable, Sendable {
    public enum Counts: Hashable, Sendable {
      /// Of these types of the topology; empty: of all.
      case devices(types: [Int32])
      case jobs
    }

    public var counts: Counts
    public var rows: [Int32]

    public init(_ counts: Counts, rows: [Int32]) {
      self.counts = counts
      self.rows = rows
    }

    /// What a hold of so many devices of a type counts for.
    func amount(_ type: Int32, _ devices: Int32) -> Int32 {
      switch counts {
      case .jobs: 1
      case .devices(let types): types.isEmpty || types.contains(type) ? devices : 0
      }
    }
  }

  public private(set) var rows: [Row] = []
  public private(set) var accounts: [[Chain]] = []

  public init() {}

  public mutating func add(_ row: Row) -> Int32 {
    rows.append(row)
    return Int32(rows.count - 1)
  }

  public mutating func add(account chains: [Chain]) -> Int32 {
    accounts.append(chains)
    return Int32(accounts.count - 1)
  }

  /// -1 is charged to nobody.
  func chains(_ account: Int32) -> [Chain] {
    account >= 0 && Int(account) < accounts.count ? accounts[Int(account)] : []
  }

  func shareRows(_ a: Int32, _ b: Int32) -> Bool {
    let rows = Set(chains(a).flatMap(\.rows))
    return chains(b).contains { $0.rows.contains { rows.contains($0) } }
  }

  /// A row that is too small for something even with nothing else in it.
  struct Exceeded {
    var row: Int32
    var most: Int32
    /// In the row's unit, as `most`; what the rows before it keep is counted in.
    var needed: Int32
  }

  /// The first row in which so many devices of a type are too many.
  func tooSmall(_ account: Int32, _ type: Int32, _ devices: Int32) -> Exceeded? {
    tooSmall(account) { $0.amount(type, devices) }
  }

  /// The first row that is too small for what `amount` says a chain counts.
  func tooSmall(_ account: Int32, _ amount: (Chain) -> Int32) -> Exceeded? {
    for chain in chains(account) {
      let needed = amount(chain)
      var amount = needed
      for row in chain.rows where amount > 0 {
        let most = rows[Int(row)].most
        if amount > most { return Exceeded(row: row, most: most, needed: needed) }
        amount -= rows[Int(row)].kept
      }
    }
    return nil
  }
}
