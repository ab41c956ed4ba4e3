/// Where a node has its devices' counters from. Says what can be told: without profiling counters much is `unknown`.
public enum DeviceSource: UInt8, CaseIterable, Sendable, Hashable {
  /// NVML with its profiling counters (GPM: Hopper and newer).
  case nvmlGPM = 1
  /// NVML without them.
  case nvml = 2
  /// A dcgm-exporter that runs on the node.
  case dcgmExporter = 3
  /// A recording that is played.
  case recording = 4
  /// A simulated fleet.
  case pretended = 5

  public var name: String {
    switch self {
    case .nvmlGPM: "nvml-gpm"
    case .nvml: "nvml"
    case .dcgmExporter: "dcgm-exporter"
    case .recording: "recording"
    case .pretended: "pretended"
    }
  }
}

/// What a node's devices did in one interval: the packed blob that its agent sends and the controller keeps.
public struct NodeRollup: Hashable, Sendable {
  /// Milliseconds since 1970 by the agent's clock, and how long.
  public var start: Int64
  public var length: Int64
  public var source: DeviceSource
  /// In the order of the devices' numbers; one that was not measured has 0 milliseconds.
  public var devices: [DeviceInterval]

  public static let deviceLimit = 64

  public init(start: Int64, length: Int64, source: DeviceSource, devices: [DeviceInterval]) {
    self.start = start
    self.length = length
    self.source = source
    self.devices = devices
  }

  private static let version: UInt64 = 1

  public func packed() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.put(Self.version)
    bytes.put(UInt64(start))
    bytes.put(UInt64(length))
    bytes.put(UInt64(source.rawValue))
    bytes.put(UInt64(devices.count))
    for device in devices { device.pack(into: &bytes) }
    return bytes
  }

  /// - Throws: `PackedFault` for bytes that are no rollup, another version, or more than 64 devices.
  public init(packed bytes: [UInt8]) throws(PackedFault) {
    var packed = PackedBytes(bytes)
    let version = try packed.number(below: 1 << 32)
    guard version == Self.version else { throw .version(version) }
    start = try packed.time()
    length = try packed.time()
    guard let source = DeviceSource(rawValue: UInt8(try packed.number(below: 256))) else { throw .damaged }
    self.source = source
    let count = Int(try packed.number(below: UInt64(Self.deviceLimit) + 1))
    devices = []
    devices.reserveCapacity(count)
    for _ in 0..<count { devices.append(try DeviceInterval(&packed)) }
    guard packed.isAtEnd else { throw .damaged }
  }
}

public enum PackedFault: Error, Hashable, Sendable {
  case damaged
  case version(UInt64)
}

/// Reads numbers of 7 bits a byte, least first.
public struct PackedBytes: Sendable {
  private let bytes: [UInt8]
  private var at = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isAtEnd: Bool { at == bytes.count }

  public mutating func number(below limit: UInt64) throws(PackedFault) -> UInt64 {
    var (value, shift): (UInt64, UInt64) = (0, 0)
    while true {
      guard at < bytes.count, shift < 63 else { throw .damaged }
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    guard value < limit else { throw .damaged }
    return value
  }

  mutating func byte() throws(PackedFault) -> UInt8 {
    guard at < bytes.count else { throw .damaged }
    defer { at += 1 }
    return bytes[at]
  }

  /// Milliseconds: at most 2^53.
  mutating func time() throws(PackedFault) -> Int64 { Int64(try number(below: 1 << 53)) }
}

extension [UInt8] {
  /// Appends 7 bits a byte, least first.
  mutating func put(_ value: UInt64) {
    var left = value
    while left >= 0x80 {
      append(UInt8(left & 0x7F) | 0x80)
      left >>= 7
    }
    append(UInt8(left))
  }
}
