import Foundation
import MusterCore
import Testing

@testable import MusterSim

@Suite struct TraceTests {
  private static let fleet = SimWorld.fleet(4)

  private static func reasons(_ trace: Trace) -> [String] { trace.rejected.map { "\($0.line): \($0.reason)" } }

  @Test("the plain form is read with every column, and sorted by submission")
  func plain() throws {
    let rows = """
      30,60,4,600,vision,ann,-2,,1,
      10.25,0.5,20,,,,,,,3
      10.25,7,1,,,,,,,

      """
    let header =
      "submit_seconds,duration_seconds,devices,walltime_seconds,project,user,priority,device_type,nodes,segment"
    let trace = try Trace(SimWorld.csv(rows, header: header), format: .csv, fleet: Self.fleet)
    #expect(trace.rowsRead == 3 && trace.rejected.isEmpty)
    #expect(trace.jobs.map(\.line) == [3, 4, 2])
    #expect(trace.jobs.map { $0.submitMilliseconds - Trace.csvEpoch } == [10_250, 10_250, 30_000])
    #expect(trace.jobs.map(\.durationMilliseconds) == [500, 7_000, 60_000])
    let large = trace.jobs[0]
    #expect(large.nodes == 3 && large.devicesPerNode == 8 && large.devices == 20 && large.segment == 3)
    let last = trace.jobs[2]
    #expect(last.walltimeMilliseconds == 600_000 && last.priority == -2 && last.nodes == 1 && last.devicesPerNode == 4)
    #expect(trace.names[Int(last.project)] == "vision" && trace.names[Int(last.user)] == "ann")
    #expect(trace.names[Int(large.project)] == "default" && trace.beginMilliseconds == large.submitMilliseconds)
  }

  @Test("devices over given nodes are rounded up on each")
  func givenNodes() throws {
    let header = "submit_seconds,duration_seconds,devices,nodes"
    let trace = try Trace(
      SimWorld.csv("0,1,6,4\n0,1,3,4\n0,1,40,4\n", header: header), format: .csv, fleet: Self.fleet)
    #expect(trace.jobs.map(\.devicesPerNode) == [2])
    #expect(
      Self.reasons(trace) == [
        "3: 4 nodes for 3 devices: at least one device a node",
        "4: 10 devices on each of 4 nodes: the fleet's have 8",
      ])
  }

  @Test("rows that cannot be used are told with their line and why, and counted")
  func badRows() throws {
    let rows = "1,2,3\nx,2,3\n\n1,0,3\n1,-5,3\n1,2,0\n1,2\n1,2,2.5\n1,2,99\n1,999999999999,1\n2,2,3\r\n"
    let trace = try Trace(SimWorld.csv(rows), format: .csv, fleet: Self.fleet)
    #expect(trace.rowsRead == 10 && trace.jobs.map(\.line) == [2, 12])
    let duration = "(allowed: seconds, more than 0, ten years at most)"
    let devices = "(allowed: a whole number from 1 to 1000000)"
    #expect(
      Self.reasons(trace) == [
        "3: submit_seconds: x (allowed: seconds, 0 or more, ten years at most)",
        "5: duration_seconds: 0 \(duration)", "6: duration_seconds: -5 \(duration)", "7: devices: 0 \(devices)",
        "8: 2 fields; the header has 3", "9: devices: 2.5 \(devices)", "10: 99 devices take 13 nodes: the fleet has 4",
        "11: duration_seconds: 999999999999 \(duration)",
      ])
  }

  @Test("segments that do not divide a job's nodes are told")
  func segments() throws {
    let header = "submit_seconds,duration_seconds,devices,segment"
    let trace = try Trace(SimWorld.csv("0,1,32,2\n0,1,32,3\n0,1,4,\n", header: header), format: .csv, fleet: Self.fleet)
    #expect(trace.jobs.map(\.segment) == [2, 1])
    #expect(Self.reasons(trace) == ["3: segment 3: 4 nodes are no multiple of it"])
  }

  @Test("a device type that the fleet does not have is told")
  func deviceType() throws {
    let header = "submit_seconds,duration_seconds,devices,device_type"
    let rows = SimWorld.csv("0,1,1,H100\n", header: header)
    #expect(
      Self.reasons(try Trace(rows, format: .csv, fleet: Self.fleet))
        == ["2: device_type H100: the fleet has no deviceType"])
    let fleet = SimFleet(nodes: 4, devicesPerNode: 8, deviceType: "H100")
    #expect(try Trace(rows, format: .csv, fleet: fleet).jobs.count == 1)
    let other = SimWorld.csv("0,1,1,B200\n", header: header)
    #expect(
      Self.reasons(try Trace(other, format: .csv, fleet: fleet)) == ["2: device_type B200: the fleet has H100 only"])
  }

  @Test("of several kinds of nodes a job takes the shape of its type's, else of those with most devices that hold it")
  func kinds() throws {
    let fleet = SimFleet([
      SimGroup(nodes: 4, devicesPerNode: 4, deviceType: "A100"),
      SimGroup(nodes: 4, devicesPerNode: 8, deviceType: "H100"),
    ])
    let rows = "0,1,8,A100\n0,1,8,H100\n0,1,8,\n0,1,17,A100\n0,1,99,\n0,1,1,B200\n"
    let trace = try Trace(
      SimWorld.csv(rows, header: "submit_seconds,duration_seconds,devices,device_type"), format: .csv, fleet: fleet)
    #expect(trace.jobs.map(\.nodes) == [2, 1, 1] && trace.jobs.map(\.devicesPerNode) == [4, 8, 8])
    #expect(
      trace.jobs.map { $0.deviceType < 0 ? "" : trace.names[Int($0.deviceType)] } == ["A100", "H100", ""])
    #expect(
      Self.reasons(trace) == [
        "5: 17 devices take 5 nodes: the fleet has 4 with A100",
        "6: 99 devices take 13 nodes: the fleet has 4 with H100",
        "7: device_type B200: the fleet has A100, H100 only",
      ])
  }

  @Test("a priority is a number, or a name that is declared")
  func priorities() throws {
    let trace = try Trace(
      SimWorld.csv(
        "0,1,1,urgent\n0,1,1,7\n0,1,1,\n0,1,1,low\n", header: "submit_seconds,duration_seconds,devices,priority"),
      format: .csv, fleet: Self.fleet, priorities: [PriorityClass(name: "urgent", value: 100)])
    #expect(trace.jobs.map(\.priority) == [100, 7, 0])
    #expect(trace.jobs.map { $0.priorityClass < 0 ? "" : trace.names[Int($0.priorityClass)] } == ["urgent", "", ""])
    #expect(Self.reasons(trace) == ["5: priority: low (allowed: a whole number from -1000000 to 1000000, or urgent)"])
  }

  @Test(
    "a header that is not one is refused with what would be right",
    arguments: [
      ("submit_seconds,duration_seconds", "(no devices)"), ("submit_seconds,duration_seconds,devices,colour", "colour"),
      ("submit_seconds,duration_seconds,devices,devices", "devices twice"), ("", "(no submit_seconds)"),
    ])
  func header(text: String, value: String) {
    #expect {
      try Trace(SimWorld.bytes(text + "\n1,2,3,4\n"), format: .csv, fleet: Self.fleet)
    } throws: { error in
      (error as? InputErrors)?.problems.map(\.value) == [text.isEmpty ? "1" : value]
    }
  }

  @Test("Philly's file is read as published: not sorted, without walltimes, its clusters as projects")
  func philly() throws {
    let text = """
      timestamp,duration,num_gpus,gpu_time,cluster
      2017-10-09 07:01:55,66.0,1,66.0,11cb48
      2017-10-08 23:59:59,2951.0,16,2951.0,6214e9
      2017-02-29 00:00:00,1.0,1,1.0,6214e9

      """
    let fleet = Self.fleet
    let trace = try Trace(SimWorld.bytes(text), format: .philly, fleet: fleet)
    #expect(trace.jobs.map(\.line) == [3, 2] && trace.jobs.map(\.nodes) == [2, 1])
    #expect(CalendarTime.text(milliseconds: trace.jobs[1].submitMilliseconds) == "2017-10-09T07:01:55Z")
    #expect(trace.names == ["11cb48", "nobody", "6214e9"])
    #expect(
      Self.reasons(trace) == [
        "4: timestamp: 2017-02-29 00:00:00 (allowed: a time from 1971 to 2049, e.g. 2017-10-09 07:01:55)"
      ])
    let window = TraceWindow(from: TraceFormat.philly.moment("2017-10-09"), to: nil)
    let later = try Trace(SimWorld.bytes(text), format: .philly, fleet: fleet, window: window)
    #expect(later.jobs.map(\.line) == [2] && later.rowsRead == 3)
    #expect(CalendarTime.text(milliseconds: later.beginMilliseconds) == "2017-10-09T00:00:00Z")
  }

  @Test("a window takes its beginning and not its end; a load scale moves submissions together")
  func window() throws {
    let rows = SimWorld.csv("10,1,1\n20,1,1\n26,1,1\n30,1,1\n")
    let window = TraceWindow(from: TraceFormat.csv.moment("20"), to: TraceFormat.csv.moment("30"))
    let trace = try Trace(rows, format: .csv, fleet: Self.fleet, window: window)
    #expect(trace.jobs.map(\.line) == [3, 4])
    let twice = try Trace(
      rows, format: .csv, fleet: Self.fleet, window: TraceWindow(), loadScale: 2 * Trace.scaleUnit)
    #expect(twice.jobs.map { $0.submitMilliseconds - Trace.csvEpoch } == [10_000, 15_000, 18_000, 20_000])
  }

  @Test("who would be submitted in another century is told")
  func stretched() throws {
    let rows = SimWorld.csv("0,1,1\n300000000,1,1\n5,1,1\n")
    let trace = try Trace(
      rows, format: .csv, fleet: Self.fleet, window: TraceWindow(), loadScale: Trace.scaleUnit / 10)
    #expect(trace.jobs.map(\.line) == [2, 4] && trace.jobs[1].submitMilliseconds - Trace.csvEpoch == 50_000)
    #expect(Self.reasons(trace) == ["3: at this load it would be submitted after 2049"])
  }

  @Test(
    "dates and times are read as written, and back",
    arguments: [
      ("1970-01-01", 0), ("1970-01-01T00:00:00.25Z", 250), ("2017-10-09", 1_507_507_200_000),
      ("2017-10-09 07:01:55", 1_507_532_515_000), ("2000-02-29T23:59:59Z", 951_868_799_000),
      ("1969-12-31T23:59:59Z", -1_000),
    ] as [(String, Int64)])
  func times(text: String, milliseconds: Int64) {
    #expect(CalendarTime.milliseconds(text) == milliseconds)
    let whole = milliseconds < 0 ? -1_000 : milliseconds / 1000 * 1000
    #expect(CalendarTime.milliseconds(CalendarTime.text(milliseconds: whole)) == whole)
  }

  @Test(
    "what is no date is none",
    arguments: ["", "2017", "2017-13-01", "2017-02-29", "2017-10-09T25:00:00Z", "2017-10-09T07:01", "2017-10-09x"])
  func noTimes(text: String) { #expect(CalendarTime.milliseconds(text) == nil) }

  @Test("all of Philly is read, and nothing of it rejected")
  func wholePhilly() throws {
    guard let shared = SimWorld.shared else {
      print("skipped: ../shared/data is absent")
      return
    }
    let data = try Data(contentsOf: shared.appending(path: "philly-2017/philly.csv"))
    let trace = try Trace(Array(data), format: .philly, fleet: SimWorld.fleet(64))
    #expect(trace.rowsRead == 82_247 && trace.rejected.isEmpty && trace.jobs.count == 82_247)
    let seconds = trace.jobs.reduce(0) { $0 + $1.durationMilliseconds / 1000 * Int64($1.devices) }
    #expect(abs(seconds / 3600 - 978_078) <= 1, "the publisher's GPU-hours: \(seconds / 3600)")
  }
}
