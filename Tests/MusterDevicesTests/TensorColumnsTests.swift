import Testing

@testable import MusterDevices

@Suite struct TensorColumnsTests {
  private func read(_ columns: [String], _ rows: [String]) throws -> [Double?] {
    let header = "t_s,power_mw," + columns.map { "gpm_\($0)_tensor_util" }.joined(separator: ",")
    let lines = rows.enumerated().map { i, row in "\(i),1000,\(row)" }
    return try RecordingTests.read(([header] + lines).joined(separator: "\n")).samples.map { $0[.tensor] }
  }

  @Test("rows without the column that tells all tensor work have none: another column's 0 is not taken for it")
  func holes() throws {
    #expect(try read(["any", "hmma", "imma"], ["92,91,0", "N/A,91,0", "90,N/A,N/A"]) == [0.92, nil, 0.9])
    #expect(try read(["any", "imma"], ["92,0", ",0"]) == [0.92, nil])
  }

  @Test("without it the busiest pipe counts, in rows that have every pipe that is recorded at all")
  func pipes() throws {
    #expect(try read(["hmma", "imma", "dfma"], ["40,3,", "N/A,3,", "40,,", "1,30,"]) == [0.4, nil, nil, 0.3])
    #expect(try read(["any", "hmma"], ["N/A,40", "N/A,30"]) == [0.4, 0.3])
  }

  @Test("integer or fp64 work alone is no measure of tensor work", arguments: ["imma", "dfma"])
  func part(column: String) throws {
    #expect(try read([column], ["0", "50"]) == [nil, nil])
    #expect(try read(["any", "hmma", column], ["N/A,N/A,0"]) == [nil])
  }

  @Test("a matrix product of which only the integer pipe is recorded is no memory-bound work, and has no MFU")
  func integersAlone() throws {
    var rows = ["t_s,power_mw,gpu_util_pct,sm_clock_mhz,gpm_graphics_util,gpm_imma_tensor_util,gpm_dram_bw_util"]
    rows += (0..<30).map { "\($0),74000,0,345,0,0,0.001" } + (30..<60).map { "\($0),698000,98,1371,98,0,45" }
    let part = try #require(DevicePart.named("H100-SXM5-80GB"))
    let samples = try RecordingTests.read(rows.joined(separator: "\n")).samples
    let last = try #require(DeviceTimeline(samples, part: part).segments.last)
    #expect(last.reading.state == .working)
    let counted = CounterMFU(last, part: part)
    #expect(counted.mfu == nil && counted.flags.contains(.notMeasured), "\(counted)")
  }
}
