import Foundation
import MusterDevices
import Testing

@Suite struct DevicePartTests {
  @Test("a part is found by its name and by what NVML calls it, whatever the case")
  func names() {
    #expect(DevicePart.named("h100-sxm5-80gb")?.sms == 132)
    #expect(DevicePart.named("NVIDIA H100 80GB HBM3")?.name == "H100-SXM5-80GB")
    #expect(DevicePart.named("H100") == nil)
  }

  @Test("no name or alias means two parts")
  func unique() {
    let names = DevicePart.all.flatMap { [$0.name] + $0.aliases }.map { $0.lowercased() }
    #expect(Set(names).count == names.count)
  }

  @Test("the peak is SMs x FLOP a clock x clock, to 2 %", arguments: DevicePart.all)
  func peaks(part: DevicePart) {
    guard let sms = part.sms, let perClock = part.flopPerClockPerSM, let clock = part.matrixPeakClockMHz,
      let peak = part.peakTflops
    else { return }
    let derived = Double(sms * perClock * clock) * 1e-6
    #expect(abs(derived / peak - 1) < 0.02, "\(part.name): \(derived) against \(peak)")
  }

  static let specs = Shared.file("gpu-specs.csv")

  @Test("the table is the one of the data sheets", .enabled(if: specs != nil, Shared.needs))
  func table() throws {
    let text = try String(contentsOf: try #require(Self.specs), encoding: .utf8)
    let lines = text.split(separator: "\n").map(Self.cells)
    let head = lines[0]
    func value(_ row: [String], _ name: String) throws -> String { row[try #require(head.firstIndex(of: name))] }
    let rows = try lines.dropFirst().filter { ["NVIDIA", "AMD"].contains(try value($0, "vendor")) }
    #expect(try rows.map { try value($0, "gpu") } == DevicePart.all.map(\.name))
    for (row, part) in zip(rows, DevicePart.all) {
      let bf16 = try value(row, "bf16_dense_tflops")
      let peak = bf16.isEmpty ? try value(row, "fp16_dense_tflops") : bf16
      #expect(part.peakTflops == Double(peak), "\(part.name)")
      #expect(part.precision == (bf16.isEmpty && !peak.isEmpty ? .fp16 : .bf16))
      #expect(part.sms == Int(try value(row, "sm_or_cu_count")))
      #expect(part.flopPerClockPerSM == Int(try value(row, "matrix_flop_per_clock_per_sm_bf16_or_fp16")))
      #expect(part.matrixPeakClockMHz == Int(try value(row, "matrix_peak_clock_mhz")))
      #expect(part.bandwidthTBs == Double(try value(row, "memory_bandwidth_tb_s")))
      #expect(part.watts == Double(try value(row, "tdp_w")))
      #expect(part.hasGPM == ["yes": true, "no": false][try value(row, "nvml_gpm")])
    }
  }

  /// Commas within quotes do not divide.
  private static func cells(_ line: Substring) -> [String] {
    line.split(separator: "\"", omittingEmptySubsequences: false).enumerated().reduce(into: [""]) { cells, part in
      let parts =
        part.offset % 2 == 1
        ? [part.element] : part.element.split(separator: ",", omittingEmptySubsequences: false)
      cells[cells.count - 1] += parts[0]
      cells += parts.dropFirst().map(String.init)
    }
  }
}

/// Data that lies beside the repository and is no part of it.
enum Shared {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data")

  static let needs: Comment = "needs the published data in shared/data beside the repository"

  static func file(_ name: String) -> URL? {
    let url = folder.appending(path: name)
    return FileManager.default.fileExists(atPath: url.path) ? url : nil
  }
}
