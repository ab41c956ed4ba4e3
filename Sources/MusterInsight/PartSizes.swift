public import MusterDevices

/// What the table of parts does not have and advice needs.
public struct PartSizes: Hashable, Sendable {
  /// 10^9 bytes.
  public var gigabytes: Double
  /// Dense TFLOP/s of the vector units in fp32, and of the matrix units in TF32; nil where the sheet gives none.
  public var fp32: Double?
  public var tf32: Double?

  /// Nil for a part that the table does not have. Source: vendors' data sheets, dense figures.
  public static func of(_ part: DevicePart) -> PartSizes? {
    guard let row = table[part.name] else { return nil }
    return PartSizes(gigabytes: row.0, fp32: row.1, tf32: row.2)
  }

  private static let table: [String: (Double, Double?, Double?)] = [
    "V100-SXM2-32GB": (32, 15.7, nil), "T4": (16, 8.1, nil), "A10": (24, 31.2, 62.5),
    "A100-SXM4-40GB": (40, 19.5, 156), "A100-SXM4-80GB": (80, 19.5, 156), "A100-PCIe-80GB": (80, 19.5, 156),
    "L4": (24, 30.3, 60), "L40S": (48, 91.6, 183), "H100-SXM5-80GB": (80, 66.9, 495),
    "H100-PCIe-80GB": (80, 51, 378), "H200-SXM5-141GB": (141, 66.9, 495), "GH200-96GB": (96, 66.9, 495),
    "B200-SXM-180GB": (180, 75, 1100), "B300-SXM-288GB": (288, nil, nil), "GB200-NVL72": (186, 80, 1250),
    "GB300-NVL72": (288, nil, nil), "RTX-PRO-6000-Server-96GB": (96, 120, nil), "Rubin-VR-NVL72": (288, nil, nil),
    "MI250X": (128, 47.9, nil), "MI300X": (192, 163, 654), "MI325X": (256, 163, 654), "MI355X": (288, 157, nil),
  ]
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
