public import MusterDevices

/// What the table of parts does not have and advice needs.
public struct PartSizes: Hashable, Sendable {
  /// 10^9 bytes.
  public var gigabytes: Double
  /// Dense TFLOP/s of the vector units in fp32, and of the matrix units in the others; nil where the sheet gives none.
  public var fp32: Double?
  public var tf32: Double?
  public var fp8: Double?
  public var fp4: Double?

  /// Nil for a part that the table does not have. Source: vendors' data sheets, dense figures.
  /// Of a part that is one of several the least memory, and what they agree on.
  public static func of(_ part: DevicePart) -> PartSizes? {
    let all = part.standsFor.compactMap { table[$0] }
    guard var sizes = all.first else { return nil }
    for other in all.dropFirst() {
      sizes.gigabytes = min(sizes.gigabytes, other.gigabytes)
      if other.fp32 != sizes.fp32 { sizes.fp32 = nil }
      if other.tf32 != sizes.tf32 { sizes.tf32 = nil }
      if other.fp8 != sizes.fp8 { sizes.fp8 = nil }
      if other.fp4 != sizes.fp4 { sizes.fp4 = nil }
    }
    return sizes
  }

  private init(_ gigabytes: Double, _ fp32: Double?, _ tf32: Double?, _ fp8: Double?, _ fp4: Double?) {
    self.gigabytes = gigabytes
    self.fp32 = fp32
    self.tf32 = tf32
    self.fp8 = fp8
    self.fp4 = fp4
  }

  private static let table: [String: PartSizes] = [
    "V100-SXM2-32GB": .init(32, 15.7, nil, nil, nil), "T4": .init(16, 8.1, nil, nil, nil),
    "A10": .init(24, 31.2, 62.5, nil, nil), "A100-SXM4-40GB": .init(40, 19.5, 156, nil, nil),
    "A100-SXM4-80GB": .init(80, 19.5, 156, nil, nil), "A100-PCIe-80GB": .init(80, 19.5, 156, nil, nil),
    "L4": .init(24, 30.3, 60, 242, nil), "L40S": .init(48, 91.6, 183, 733, nil),
    "H100-SXM5-80GB": .init(80, 66.9, 494.7, 1978.9, nil), "H100-PCIe-80GB": .init(80, 51.2, 378, 1513, nil),
    "H200-SXM5-141GB": .init(141, 66.9, 494.7, 1978.9, nil), "GH200-96GB": .init(96, 66.9, 494.7, 1978.9, nil),
    "B200-SXM-180GB": .init(180, 75, 1100, 4500, 9000), "B300-SXM-288GB": .init(288, nil, nil, 4500, 14000),
    "GB200-NVL72": .init(186, 80, 1250, 5000, 10000), "GB300-NVL72": .init(288, nil, nil, 5000, 15000),
    "RTX-PRO-6000-Server-96GB": .init(96, 120, nil, 935.6, 1871.2),
    "Rubin-VR-NVL72": .init(288, nil, nil, nil, 35000), "MI250X": .init(128, 47.9, nil, nil, nil),
    "MI300X": .init(192, 163.4, 653.7, 2614.9, nil), "MI325X": .init(256, 163.4, 653.7, 2614.9, nil),
    "MI355X": .init(288, 157.3, nil, 5033.2, 10066.4),
  ]
}

extension DevicePart {
  /// Dense TFLOP/s with the matrices in `precision`, by its name in a job file; nil where the part cannot, or no sheet
  /// says.
  public func peak(of precision: String) -> Double? {
    let sizes = PartSizes.of(self)
    switch precision {
    // Where there is bf16, fp16 is as fast.
    case "bf16": return self.precision == .bf16 ? peakTflops : nil
    case "fp16": return peakTflops
    case "tf32": return sizes?.tf32
    case "fp32": return sizes?.fp32
    case "fp8": return sizes?.fp8
    case "fp4": return sizes?.fp4
    default: return nil
    }
  }
}

extension DevicePart {
  /// What its matrix units do in a precision, by its name in a job file; nil where that cannot be said.
  ///
  /// No sheet prints FLOP a clock by precision, they print peaks at one clock: fp8 twice that of bf16, fp4 four times, tf32
  /// half. The peaks' ratio is that of FLOP a clock; one that is no power of two (within 3 %, as sheets are rounded) is of
  /// other clocks or other units, and is left out. fp32 runs beside the matrix units.
  public func matrixRate(of precision: String) -> MatrixRate? {
    guard let perClock = flopPerClockPerSM, let own = peakTflops, precision != "fp32", let peak = peak(of: precision),
      let times = [0.5, 1, 2, 4].first(where: { abs(peak / own / $0 - 1) <= 0.03 })
    else { return nil }
    return MatrixRate(
      precision: precision, flopPerClockPerSM: Int(Double(perClock) * times), peakTflops: peak)
  }
}

extension DevicePart {
  /// `H100` of `H100-SXM5-80GB`: what people call it.
  public var family: String { String(name.prefix { $0 != "-" }) }

  /// Parts that would do the same work: with a lower peak, yet so much memory and such rates. Weakest first, one of each
  /// family.
  /// - Parameters:
  ///   - memory: bytes in use on one device.
  ///   - busy: 0...1 of the time in which something runs.
  ///   - dram: 0...1 of the memory's peak; nil: as `busy`.
  public func smaller(memory: Double, busy: Double, dram: Double?) -> [DevicePart] {
    guard let peak = peakTflops, let bandwidth = bandwidthTBs else { return [] }
    let fitting = Self.all.filter { other in
      guard let theirs = other.peakTflops, let rate = other.bandwidthTBs, let size = PartSizes.of(other) else {
        return false
      }
      // Another vendor's needs another program. An eighth is left free: allocators and contexts take theirs.
      let isSameMaker = (name.hasPrefix("MI")) == (other.name.hasPrefix("MI"))
      return isSameMaker && theirs < peak && theirs >= busy * peak && rate >= (dram ?? busy) * bandwidth
        && size.gigabytes * 1e9 * 7 / 8 >= memory
    }
    var families: [String] = []
    return fitting.sorted { ($0.peakTflops ?? 0, $0.name) < ($1.peakTflops ?? 0, $1.name) }.filter { part in
      guard part.family != family, !families.contains(part.family) else { return false }
      families.append(part.family)
      return true
    }
  }
}
