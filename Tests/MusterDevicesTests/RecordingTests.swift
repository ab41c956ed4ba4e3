import Testing

@testable import MusterDevices

@Suite struct RecordingTests {
  static func read(_ text: String) throws -> Recording { try Recording(file: Array(text.utf8)) }

  @Test("columns may stand in any order, in quotes, with others beside them, and lines may end as on Windows")
  func columns() throws {
    let text =
      "phase,\"power_mw\",uuid,t_s,gpm_dram_bw_util\r\nidle,75000,GPU-1,0.5,12.5\r\n\r\nx, 80000 ,GPU-1,1.5,100.4\r\n"
    let recording = try Self.read("\u{feff}" + text)
    #expect(recording.columns == ["power_mw", "gpm_dram_bw_util"])
    #expect(recording.samples.map(\.seconds) == [0.5, 1.5])
    #expect(recording.samples.map { $0[.power] } == [75, 80])
    #expect(recording.samples.map { $0[.dram] } == [0.125, 1])
    #expect(recording.samples[0][.utilisation] == nil)
  }

  @Test(
    "what tools write where there is no value is no value",
    arguments: [
      "", "nan", "NaN", "N/A", "[Not Supported]", "ERR:Not Supported", "-1", "140737488355328", "140737488355330",
      "9223372036854775792", "2147483634", "4294967295", "inf", "18446744073709551615",
    ])
  func missing(cell: String) throws {
    let recording = try Self.read("t_s,power_mw,mem_used_bytes\n1,\(cell),5\n")
    #expect(recording.samples[0][.power] == nil && recording.samples[0][.memoryUsed] == 5)
  }

  @Test("the power cap is a bit of the mask")
  func mask() throws {
    let recording = try Self.read("t_s,throttle_reasons,power_mw\n1,5,\n2,1,\n3,,\n4,2.5,\n5,0x04,\n")
    #expect(recording.samples.map(\.isPowerCapped) == [true, false, nil, nil, true])
  }

  @Test(
    "what is wrong is told with its line, column and value",
    arguments: [
      ("", RecordingProblem.empty), ("\n\n", .empty), ("a,b\n", .noColumn("t_s")), ("t_s,phase\n", .noCounters),
      ("t_s,power_mw,power_mw\n", .sameColumn("power_mw")),
      ("t_s,power_mw\n1,2\n3\n", .width(line: 3, 1, expected: 2)),
      ("t_s,power_mw\n1,75 W\n", .notANumber(line: 2, column: "power_mw", "75 W")),
      ("t_s,power_mw\nnan,1\n", .notANumber(line: 2, column: "t_s", "nan")),
      ("t_s,power_mw\n0x10,1\n", .notANumber(line: 2, column: "t_s", "0x10")),
      ("t_s,power_mw\n1,0x10\n", .notANumber(line: 2, column: "power_mw", "0x10")),
      ("t_s,power_mw\n", .noSamples), ("t_s,power_mw", .noSamples), ("t_s,power_mw\n\n", .noSamples),
      ("t_s,power_mw\r1,75000\r2,75000\r", .lineEnds),
      ("t_s,power_mw\n2,1\n\n1.5,1\n", .backwards(line: 4, "1.5", after: 2)),
      ("power_mw", .noColumn("t_s")),
    ])
  func problems(text: String, problem: RecordingProblem) {
    #expect(throws: problem) { try Self.read(text) }
  }

  @Test("the texts name line, column, value and what would be right")
  func texts() {
    #expect(
      "\(RecordingProblem.notANumber(line: 7, column: "power_mw", "75 W"))"
        == "line 7: power_mw: 75 W (allowed: a number, or nothing where it was not measured)")
    #expect(
      "\(RecordingProblem.backwards(line: 4, "1.5", after: 2))"
        == "line 4: t_s: 1.5 (allowed: 2.0 or more: time does not go back)")
  }

  @Test("a single sample, and two at the same time, are a segment")
  func short() throws {
    for rows in ["1,75000,0\n", "1,75000,0\n1,75000,0\n"] {
      let recording = try Self.read("t_s,power_mw,gpu_util_pct\n" + rows)
      let segments = DeviceTimeline(recording.samples, part: nil).segments
      #expect(segments.map(\.reading.state) == [.idle] && segments[0].toSeconds == 1)
    }
  }

  @Test("packed or not, a file reads the same")
  func packed() throws {
    let file = try Recording(file: GzipTests.fixed)
    #expect(file == (try Self.read(GzipTests.text)))
    #expect(throws: RecordingProblem.packed(.endsEarly)) { try Recording(file: Array(GzipTests.fixed.dropLast())) }
  }
}
