/// Seeds that fail without a fix that the harness once asked for, each with what was wrong. (What a seed does changes with
/// the harness: they guard what they can.)
enum Regressions {
  static let seeds: [UInt64] = [
    // A shim that was held until its lease was over obeyed the "go" that had waited in its connection: ranks started
    // that the controller already counted as gone.
    15, 52, 115,
    // A held shim did not enforce its lease, and nobody did it for it: its ranks ran on.
    4, 9, 11, 25,
    // An intent that came late started a member anew that had been killed and put away, while the word that it was gone
    // was on its way.
    733, 823,
    // A node that was off, with a connection that had not ended, got work once a person had resumed it.
    36,
    // 15 and 52 again: a job that a round started went back to the nodes that it had before, where the round had placed it
    // elsewhere. They were held for the first that waited.

    // Quotas stay when the storm is over: jobs waited for ever under one that could never hold them, and were not told so.
    25, 97, 244,

    // A job of several roles stopped others for a guarantee that one of its roles stayed within, and all together did not.
    100,

    // What started between two rounds took what the first that waits could have had from one that was being stopped: the
    // round before had counted on its walltime.
    120, 324, 371, 594,
  ]
}
