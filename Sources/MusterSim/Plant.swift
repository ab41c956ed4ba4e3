import MusterCore
import MusterNode

/// A bug put in on purpose, to prove that the harness can find it. Only the harness sets one.
public enum Plant: String, CaseIterable, Sendable {
  case none
  /// The host sends intents and orders before the facts that they follow from are on disk.
  case intentBeforeCommit
  /// The host answers a submission before it is on disk.
  case answerBeforeCommit
  /// A shim never looks at its lease.
  case leaseNeverChecked
  /// A shim counts its lease from when the acknowledgement came, not from when the acknowledged beat was sent.
  case leaseFromReceipt
  /// The controller holds a lease for over after the silence limit.
  case fenceTooShort
  /// A second attempt gets the number of the first.
  case attemptNumberReused
  /// What the shim of an old attempt says is believed of the job's latest.
  case staleReportBelieved
  /// A submission with a known idempotency key makes new jobs.
  case duplicateAccepted
  /// A snapshot says that it holds the last batch, and does not.
  case snapshotLacksLastBatch
  /// The scheduler places gangs on isolated nodes.
  case isolatedHandedOut
  /// An attempt is over as soon as one member has stopped.
  case survivorNotWaited
  /// A controller that starts does not expect the members of running attempts to speak.
  case timerLostOverRestart
  /// Checkpoints of an attempt that has a successor count.
  case oldCheckpointAccepted
  /// A restart takes a torn batch for a whole one as far as it can be read.
  case tornBatchBelieved
  /// A host whose wall clock was set back holds its time still until the wall has caught up.
  case timeStandsStill
  /// A shim sends the warning of the walltime each time that it hears of it.
  case warnsAgain
  /// Another attempt is stopped than the one whose place is needed.
  case victimInWrongDomain
  /// A place that others are leaving goes to whoever comes first.
  case keptPlaceGivenAway
  /// Every limit of projects and users is one too high.
  case quotaExceededByOne
  /// A round places the nodes of a segment anywhere.
  case segmentSplit
  /// Any job may stop any other, as soon as it runs again.
  case preemptionCycle
  /// A job is taken that waits for what cannot come true any more.
  case hopelessAccepted
  /// A round takes what waits to run half of its walltime.
  case backfillTooLong
  /// A fact is applied in memory and never written.
  case factNotWritten

  var ofTheCore: PlantedCoreBug? {
    switch self {
    case .fenceTooShort: .fenceTooShort
    case .attemptNumberReused: .attemptNumberReused
    case .duplicateAccepted: .duplicateAccepted
    case .isolatedHandedOut: .isolatedHandedOut
    case .survivorNotWaited: .survivorNotWaited
    case .timerLostOverRestart: .timerLostOverRestart
    case .oldCheckpointAccepted: .oldCheckpointAccepted
    case .staleReportBelieved: .staleReportBelieved
    case .victimInWrongDomain: .victimInWrongDomain
    case .keptPlaceGivenAway: .keptPlaceGivenAway
    case .quotaExceededByOne: .quotaExceededByOne
    case .segmentSplit: .segmentSplit
    case .preemptionCycle: .preemptionCycle
    case .hopelessAccepted: .hopelessAccepted
    case .backfillTooLong: .backfillTooLong
    case .none, .intentBeforeCommit, .answerBeforeCommit, .leaseNeverChecked, .leaseFromReceipt,
      .snapshotLacksLastBatch, .tornBatchBelieved, .timeStandsStill, .factNotWritten, .warnsAgain:
      nil
    }
  }

  var ofTheShim: PlantedShimBug? {
    switch self {
    case .leaseNeverChecked: .leaseNeverChecked
    case .leaseFromReceipt: .leaseFromReceipt
    case .warnsAgain: .warnsAgain
    case .none, .intentBeforeCommit, .answerBeforeCommit, .staleReportBelieved, .snapshotLacksLastBatch,
      .tornBatchBelieved, .timeStandsStill, .factNotWritten, .fenceTooShort, .attemptNumberReused, .duplicateAccepted,
      .isolatedHandedOut, .survivorNotWaited, .timerLostOverRestart, .oldCheckpointAccepted, .victimInWrongDomain,
      .keptPlaceGivenAway, .quotaExceededByOne, .segmentSplit, .preemptionCycle, .hopelessAccepted, .backfillTooLong:
      nil
    }
  }
}
