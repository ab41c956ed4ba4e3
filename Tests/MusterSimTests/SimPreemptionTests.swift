import MusterCore
import Testing

@testable import MusterSim

@Suite struct SimPreemptionTests {
  /// Two jobs of one node run from 0, with checkpoints every 600 s of work; one of higher priority comes at 1,000 s and
  /// stays for 500 s. The second has started later, and lost less.
  @Test("who gives way goes on from its last checkpoint, and every account is right", arguments: [0, 600] as [Int64])
  func resumes(every: Int64) throws {
    let fleet = SimWorld.fleet(2)
    let rows = "0,3600,8,100000,a,u,0\n50,3600,8,100000,a,u,0\n1000,500,8,100000,b,u,5\n"
    let header = "submit_seconds,duration_seconds,devices,walltime_seconds,project,user,priority"
    let trace = try Trace(SimWorld.csv(rows, header: header), format: .csv, fleet: fleet)
    var settings = SimSettings(fleet: fleet, trace: trace, policy: .muster)
    (settings.checkpointMilliseconds, settings.restartMilliseconds) = (every * 1000, 120_000)
    let results = SimWorld.run(settings).results
    #expect(results.jobs.map(\.preemptions) == [0, 1, 0])
    #expect(results.jobs.map(\.state).allSatisfy { $0 == "completed" })
    let kept = every == 0 ? 0 : 600
    // 950 s of work, of which `kept` is kept; from 1,500 s on its start, then the rest.
    #expect(results.jobs.map { ($0.end ?? 0) - results.begin }[1] == Int64(1500 + 120 + 3600 - kept) * 1000)
    #expect(results.accounts.redone == Int64(950 - kept) * 8 * 1000)
    #expect(results.accounts.productive == (3600 + 3600 + 500) * 8 * 1000)
    #expect(results.accounts.sum == results.capacity)
    #expect(results.preemptions == 1 && results.lostToPreemption == Int64(950 - kept + 120) * 8 * 1000)
    // The others never preempt.
    settings.policy = .easy
    #expect(SimWorld.run(settings).results.preemptions == 0)
  }
}
