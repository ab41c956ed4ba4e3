import Testing

@testable import MusterCore

@Suite struct SilenceTests {
  /// Milliseconds; the shim's last beat is at 10,000.
  static func word(agent: Int64, clock: Int64) -> AgentWord {
    func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
    return AgentWord(shim: at(10_000), agent: at(agent), clock: at(clock), limits: Limits())
  }

  @Test("an agent that spoke before the link was cut does not answer for its node", arguments: [9_000, 9_600, 10_499])
  func cut(agent: Int64) { #expect(Self.word(agent: agent, clock: agent + 1501) == .silent) }

  @Test("an agent that goes on reporting answers: the shim alone is silent", arguments: [10_800, 11_500])
  func shimAlone(agent: Int64) { #expect(Self.word(agent: agent, clock: 11_501) == .answers) }

  @Test("while the agent's next report may still come, nothing is concluded")
  func notYet() { #expect(Self.word(agent: 10_400, clock: 11_501) == .notYetKnown) }

  @Test("silence of more than half, at least three, is withheld; of fewer it is not")
  func many() {
    func withholds(_ silent: Int, of connected: Int) -> Bool {
      var mass = MassSilence()
      if case .withhold = mass.judge(silent: silent, connected: connected) { return true }
      return false
    }
    #expect(withholds(3, of: 5))
    #expect(!withholds(2, of: 2))
    #expect(!withholds(3, of: 6))
  }
}
