import MusterDevices

/// What a GPU-hour costs, by the day from which on it does. Empty: no money is told.
public struct PriceBook: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    /// `2026-10-05`, in UTC: such texts sort as their days do.
    public var date: String
    /// As it is written beside amounts, e.g. `USD`.
    public var currency: String
    /// Who says so, e.g. a contract or a page with the day on which it was read.
    public var source: String
    /// A GPU-hour by device type, in the order in which it is looked through.
    public var gpuHour: [TypePrice]

    public init(date: String, currency: String, source: String, gpuHour: [TypePrice]) {
      self.date = date
      self.currency = currency
      self.source = source
      self.gpuHour = gpuHour
    }
  }

  public struct TypePrice: Hashable, Sendable {
    public var type: String
    public var price: Double

    public init(type: String, price: Double) {
      self.type = type
      self.price = price
    }
  }

  /// A price with what it rests on.
  public struct Quote: Hashable, Sendable {
    public var price: Double
    public var currency: String
    public var date: String
    public var source: String
    /// Of devices of several types: what one of them costs on average.
    public var isMean = false
  }

  /// Oldest first.
  public private(set) var entries: [Entry]

  public init(_ entries: [Entry] = []) { self.entries = entries.sorted { $0.date < $1.date } }

  public var isEmpty: Bool { entries.isEmpty }

  /// The newest entry that is not after `day` and has the type.
  /// - Parameter day: as `Entry.date`.
  public func quote(type: String, on day: String) -> Quote? {
    for entry in entries.reversed() where entry.date <= day {
      guard let price = Self.price(of: type, in: entry.gpuHour) else { continue }
      return Quote(price: price, currency: entry.currency, date: entry.date, source: entry.source)
    }
    return nil
  }

  /// Of devices of several types, weighted by how many there are of each; nil: one has no price, or not in the same
  /// currency. The day and the source are those of the newest price.
  public func quote(_ parts: [JobEvidence.Part], on day: String) -> Quote? {
    var (sum, devices): (Double, Int) = (0, 0)
    var newest: Quote?
    for part in parts {
      guard let quote = quote(type: part.deviceType, on: day), quote.currency == newest?.currency ?? quote.currency
      else { return nil }
      sum += quote.price * Double(part.devices)
      devices += part.devices
      if quote.date >= newest?.date ?? "" { newest = quote }
    }
    guard var mean = newest, devices > 0 else { return nil }
    (mean.price, mean.isMean) = (sum / Double(devices), true)
    return mean
  }

  /// What the devices of a job cost.
  public func quote(_ job: JobEvidence, on day: String) -> Quote? {
    job.parts.isEmpty ? quote(type: job.deviceType, on: day) : quote(job.parts, on: day)
  }

  /// The first of a later price that names the same part as an earlier one: which of them holds would be chance. Names of a
  /// part are one kind, words of such names another: a part's own price stands before that of a word.
  ///
  /// - Returns: their places in `prices`.
  public static func twins(in prices: [TypePrice]) -> (earlier: Int, later: Int)? {
    let named = prices.map { price in (text: price.type.lowercased(), parts: parts(price.type)) }
    for later in named.indices {
      for earlier in named[..<later].indices {
        let (a, b) = (named[earlier], named[later])
        if a.text == b.text || a.parts.isWord == b.parts.isWord && !a.parts.names.isDisjoint(with: b.parts.names) {
          return (earlier, later)
        }
      }
    }
    return nil
  }

  /// The parts of the table that a price is of: the one of that name, or those with that word in a name.
  private static func parts(_ type: String) -> (names: Set<String>, isWord: Bool) {
    if let part = DevicePart.named(type) { return ([part.name], false) }
    let word = type.lowercased()
    let found = DevicePart.all.filter { part in ([part.name] + part.aliases).contains { isNamed($0.lowercased(), word) }
    }
    return (Set(found.map(\.name)), true)
  }

  /// A whole name before the table's other names for the same part, and those before one word of it.
  static func price(of type: String, in prices: [TypePrice]) -> Double? {
    let part = DevicePart.named(type)
    let names = ([type] + (part.map { [$0.name] + $0.aliases } ?? [])).map { $0.lowercased() }
    if let whole = prices.first(where: { $0.type.lowercased() == names[0] }) { return whole.price }
    if let other = prices.first(where: { names.contains($0.type.lowercased()) }) { return other.price }
    return prices.first { price in names.contains { isNamed($0, price.type.lowercased()) } }?.price
  }

  /// As a job's `deviceTypes` name devices: `H100` is one word of `NVIDIA H100 80GB HBM3`. Both in small letters.
  private static func isNamed(_ type: String, _ wanted: String) -> Bool {
    type.split { $0 == " " || $0 == "-" || $0 == "_" }.contains { $0 == wanted }
  }
}
