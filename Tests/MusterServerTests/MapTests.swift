import Hummingbird
import MusterCore
import MusterProtocol
import Testing

@testable import MusterServer

@Suite struct MapTests {
  @Test("names that count up are one run; others stand alone")
  func nameRuns() {
    func runs(_ names: [String]) -> String { JSON.array(NameRun.list(names).map(\.json)).text }
    #expect(runs(["n8", "n9", "n10", "n12"]) == #"[["n",8,0,3],["n",12,0,1]]"#)
    #expect(runs(["n08", "n09", "n10"]) == #"[["n",8,2,3]]"#)
    #expect(runs(["n098", "n099", "n100", "n1000"]) == #"[["n",98,3,3],["n",1000,0,1]]"#)
    #expect(runs(["n99", "n0100"]) == #"[["n",99,0,1],["n",100,4,1]]"#)
    #expect(runs(["head", "h-7f", "n007"]) == #"[["head",-1,0,1],["h-7f",-1,0,1],["n",7,3,1]]"#)
  }

  @Test("columns are told in the order in which nodes stand, each as runs")
  func columns() {
    var picture = FleetPicture()
    picture.standings = [.inService, .isolated, .inService]
    picture.devices = [8, 8, 4]
    picture.placementCounts = [2, 0, 1]
    (picture.jobs, picture.masks) = ([7, 9, 7], [0xF, 1 << 63, 0xF])
    var out: [UInt8] = []
    MapColumns(picture, order: [2, 0, 1]).write(into: &out)
    #expect(
      String(decoding: out, as: UTF8.self)
        == #""standings":["r",2,"i",1],"devices":[4,1,8,2],"placements":[1,1,2,1,0,1],"jobs":[7,2,9,1],"#
        + #""masks":["f",2,"8000000000000000",1]"#)
  }

  @Test("an empty fleet has a map, too, and a parameter that is no sequence is refused")
  func route() async throws {
    try await withServer { ask async throws in
      let map = try await ask(.get, "/v1/map", "", [:])
      #expect(map.status == 200)
      #expect(try map.json["nodes"] == 0 && map.json["standings"] == .array([]))
      #expect(try map.json["levels"] == [["level": "rack", "domains": .array([]), "nodes": .array([])]])
      #expect(try await ask(.get, "/v1/map?after=x", "", [:]).status == 400)
      // What one has heard of is in the answer that one gets.
      _ = try await ask(.post, "/v1/jobs", #"{"command":["true"]}"#, [:])
      let sequence = try await ask(.get, "/v1/cluster", "", [:]).json["sequence"]?.intValue ?? 0
      let next = try await ask(.get, "/v1/map?after=\(sequence)", "", [:]).json["sequence"]?.intValue ?? 0
      let first = try map.json["sequence"]?.intValue ?? 0
      #expect(next >= sequence && sequence > first)
    }
  }

  @Test("a fleet of 62,500 nodes, all of whose jobs are of one node, is under 1 MB")
  func size() {
    let count = 62_500
    var picture = FleetPicture()
    picture.standings = (0..<count).map { $0 % 97 == 0 ? .isolated : .inService }
    picture.devices = Array(repeating: 8, count: count)
    picture.placementCounts = Array(repeating: 1, count: count)
    (picture.jobs, picture.masks) = ((0..<Int64(count)).map { 100_000 + $0 }, Array(repeating: 0xFF, count: count))
    var out: [UInt8] = []
    MapColumns(picture, order: (0..<Int32(count)).map { $0 }).write(into: &out)
    JSON.array(NameRun.list((0..<count).map { "node-\($0)" }).map(\.json)).write(into: &out)
    #expect(out.count < 1_000_000)
  }
}
