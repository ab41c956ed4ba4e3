import Testing

@testable import MusterCore

@Suite struct SilenceTests {
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
