/// What the matrix units of a part do in one precision, dense.
public struct MatrixRate: Hashable, Sendable {
  /// By its name in a job file.
  public var precision: String
  /// FLOP a clock and SM.
  public var flopPerClockPerSM: Int
  public var peakTflops: Double

  public init(precision: String, flopPerClockPerSM: Int, peakTflops: Double) {
    self.precision = precision
    self.flopPerClockPerSM = flopPerClockPerSM
    self.peakTflops = peakTflops
  }
}

extension DevicePart {
  /// What the table makes of a device type.
  public enum Match: Hashable, Sendable {
    case part(DevicePart)
    /// Parts that it may be, and that differ in what MFU rests on.
    case several([String])
    /// Devices of several types, which `together(_:)` named.
    case mixed
    case unknown

    public var part: DevicePart? {
      if case .part(let part) = self { part } else { nil }
    }
  }

  /// By a whole name, else by the words of one: `H200` is the only part of that word, `A100` is one of three that have the
  /// same matrix units, `H100` may be either of two that differ. Of several what they do not agree on is nil.
  public static func matching(_ type: String) -> Match {
    if isTogether(type) { return .mixed }
    if let part = named(type) { return .part(part) }
    if !type.utf8.contains(where: isBetweenWords) { return byWord[type.lowercased()] ?? .unknown }
    return match(words(type))
  }

  private static let between = " + "

  /// What devices of several types are called together: no figure of one part holds for them. In order of their names,
  /// each once.
  public static func together(_ types: [String]) -> String {
    Set(types.flatMap { $0.split(separator: between).map { String($0) } }).sorted().joined(separator: between)
  }

  static func isTogether(_ type: String) -> Bool { type.utf8.contains(UInt8(ascii: "+")) && type.contains(between) }

  private static func match(_ wanted: Set<String>) -> Match {
    guard !wanted.isEmpty else { return .unknown }
    let found = byWords.filter { entry in entry.names.contains { wanted.isSubset(of: $0) } }.map(\.part)
    guard let first = found.first else { return .unknown }
    return found.allSatisfy { $0.hasMatrices(of: first) } ? .part(together(found)) : .several(found.map(\.name))
  }

  /// What each word means alone: it is asked for with every job of thousands.
  private static let byWord: [String: Match] = {
    let all = Set(byWords.flatMap { $0.names.flatMap { $0 } })
    return Dictionary(uniqueKeysWithValues: all.map { ($0, match([$0])) })
  }()

  private static func isBetweenWords(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  private static let byWords: [(part: DevicePart, names: [Set<String>])] = all.map { part in
    (part, ([part.name] + part.aliases).map(words))
  }

  private static func words(_ name: String) -> Set<String> {
    Set(name.lowercased().utf8.split(whereSeparator: isBetweenWords).compactMap { String($0) })
  }

  private func hasMatrices(of other: DevicePart) -> Bool {
    sms == other.sms && flopPerClockPerSM == other.flopPerClockPerSM && peakTflops == other.peakTflops
      && precision == other.precision
  }

  private static func together(_ parts: [DevicePart]) -> DevicePart {
    var part = parts[0]
    for other in parts.dropFirst() {
      if other.matrixPeakClockMHz != part.matrixPeakClockMHz { part.matrixPeakClockMHz = nil }
      if other.bandwidthTBs != part.bandwidthTBs { part.bandwidthTBs = nil }
      if other.watts != part.watts { part.watts = nil }
      if other.hasGPM != part.hasGPM { part.hasGPM = nil }
    }
    part.standsFor = parts.map(\.name)
    return part
  }
}
