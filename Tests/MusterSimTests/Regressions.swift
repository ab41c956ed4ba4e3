/// Seeds that once failed, each with what was wrong. (What a seed does changes with the harness: they guard what they can.)
enum Regressions {
  static let seeds: [UInt64] = [
    // A shim that was held until its lease was over obeyed the "go" that had waited in its connection: ranks started
    // that the controller already counted as gone.
    5, 14,
    // A held shim did not enforce its lease, and nobody did it for it: its ranks ran on.
    4, 20, 25, 27, 40, 43, 60,
  ]
}
