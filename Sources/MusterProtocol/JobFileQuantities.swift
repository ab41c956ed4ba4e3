import MusterCore

/// Times, sizes and signals as people write them. Pure; each reading names the rule that a wrong text broke.
enum JobFileQuantities {
  /// Ten years: longer is a slip of the pen, and sums of two stay far from the end of `Span`.
  static let longest = Span.seconds(3650 * 86_400)
  static let mostMemoryBytes: Int64 = 1 << 50

  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
  ]

  /// `90s`, `1h30m`; when `quoted` also `HH:MM:SS` and `D-HH:MM:SS`.
  static func span(_ text: String, quoted: Bool, zero: Bool) -> Result<Span, JobFileRuleBroken> {
    let bytes = Array(text.utf8)
    if bytes.contains(UInt8(ascii: ":")) {
      guard quoted else { return .failure(.init(.durationQuotes)) }
      return checked(clock(bytes[...]), zero: zero)
    }
    if !bytes.isEmpty, bytes.allSatisfy(isDigit) { return .failure(.init(.durationUnit)) }
    return checked(withUnits(bytes[...]), zero: zero)
  }

  private static func checked(_ nanoseconds: Int64?, zero: Bool) -> Result<Span, JobFileRuleBroken> {
    guard let nanoseconds, nanoseconds <= longest.nanoseconds, nanoseconds > 0 || zero else {
      return .failure(.init(.duration(zero: zero)))
    }
    return .success(Span(nanoseconds: nanoseconds))
  }

  /// Numbers with units, the longest unit first, each at most once.
  private static func withUnits(_ text: ArraySlice<UInt8>) -> Int64? {
    var rest = text
    var total: Int64 = 0
    var next = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      guard let number = takeNumber(&rest) else { return nil }
      let letters = rest.prefix { !isDigit($0) }
      rest = rest.dropFirst(letters.count)
      guard let unit = units[next...].firstIndex(where: { $0.name.utf8.elementsEqual(letters) }) else { return nil }
      next = unit + 1
      guard let sum = sum(total, number, times: units[unit].nanoseconds) else { return nil }
      total = sum
    }
    return total
  }

  /// `HH:MM:SS`, with days before a hyphen if there are any.
  private static func clock(_ text: ArraySlice<UInt8>) -> Int64? {
    var rest = text
    var days: Int64 = 0
    if let hyphen = rest.firstIndex(of: UInt8(ascii: "-")) {
      var before = rest[..<hyphen]
      guard let number = takeNumber(&before), before.isEmpty else { return nil }
      days = number
      rest = rest[(hyphen + 1)...]
    }
    let parts = rest.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var numbers: [Int64] = []
    for part in parts {
      var part = part
      guard part.count <= 2 || numbers.isEmpty, let number = takeNumber(&part), part.isEmpty else { return nil }
      numbers.append(number)
    }
    guard numbers[1] < 60, numbers[2] < 60, days == 0 || numbers[0] < 24 else { return nil }
    var total: Int64? = 0
    for (number, unit) in zip([days] + numbers, units) {
      total = total.flatMap { sum($0, number, times: unit.nanoseconds) }
    }
    return total
  }

  /// `512MiB`, `16Gi`, `2G`, `100B`: K, M, G and T count in thousands, Ki, Mi, Gi and Ti in 1,024s.
  static func memoryBytes(_ text: String) -> Result<Int64, JobFileRuleBroken> {
    var rest = Array(text.utf8)[...]
    guard let number = takeNumber(&rest) else { return .failure(.init(.memory)) }
    if rest.isEmpty { return .failure(.init(.memoryUnit)) }
    var scale: Int64 = 1
    if let power = Array("KMGT".utf8).firstIndex(where: { $0 == rest.first }) {
      rest = rest.dropFirst()
      let isBinary = rest.first == UInt8(ascii: "i")
      if isBinary { rest = rest.dropFirst() }
      for _ in 0...power { scale *= isBinary ? 1024 : 1000 }
      if rest.first == UInt8(ascii: "B") { rest = rest.dropFirst() }
    } else if rest.elementsEqual("B".utf8) {
      rest = rest.dropFirst()
    }
    guard rest.isEmpty, let bytes = sum(0, number, times: scale), bytes > 0, bytes <= mostMemoryBytes else {
      return .failure(.init(.memory))
    }
    return .success(bytes)
  }

  /// Linux's numbers.
  static let signalNames: [String] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
  ]

  /// `TERM`, `SIGTERM` or a number from 1 to 64.
  static func signal(_ text: String) -> Result<Int32, JobFileRuleBroken> {
    if let number = Int32(text), (1...64).contains(number) { return .success(number) }
    let name = text.hasPrefix("SIG") ? String(text.dropFirst(3)) : text
    guard let index = signalNames.firstIndex(of: name) else { return .failure(.init(.signal)) }
    return .success(Int32(index + 1))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func takeNumber(_ text: inout ArraySlice<UInt8>) -> Int64? {
    let digits = text.prefix(while: isDigit)
    guard !digits.isEmpty, digits.count <= 18 else { return nil }
    text = text.dropFirst(digits.count)
    return digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
  }

  /// nil when it overflows.
  private static func sum(_ total: Int64, _ number: Int64, times unit: Int64) -> Int64? {
    let product = number.multipliedReportingOverflow(by: unit)
    let sum = total.addingReportingOverflow(product.partialValue)
    return product.overflow || sum.overflow ? nil : sum.partialValue
  }

  /// Exact, to the millisecond: `1h30m`, `1s500ms`, `0s`. Whatever is below a millisecond is cut: no job file can say it.
  static func text(_ span: Span) -> String {
    var rest = span.nanoseconds
    var text = ""
    for unit in units where rest >= unit.nanoseconds {
      text += "\(rest / unit.nanoseconds)\(unit.name)"
      rest %= unit.nanoseconds
    }
    return text.isEmpty ? "0s" : text
  }

  /// Exact: `16GiB`, `1500B`.
  static func text(memoryBytes: Int64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
      if memoryBytes > 0, memoryBytes & ((1 << shift) - 1) == 0 { return "\(memoryBytes >> shift)\(unit)" }
    }
    return "\(memoryBytes)B"
  }

  static func text(signal: Int32) -> String {
    let index = Int(signal) - 1
    return signalNames.indices.contains(index) ? signalNames[index] : String(signal)
  }
}

/// The rule that a text broke.
struct JobFileRuleBroken: Error {
  var rule: JobFileRule
  init(_ rule: JobFileRule) { self.rule = rule }
}
