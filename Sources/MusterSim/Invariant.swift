/// What must hold at every moment. The raw value is the sentence that a failure prints.
public enum Invariant: String, CaseIterable, Sendable {
  // Of the facts alone.
  case timeGoesForward = "the time of facts never goes back"
  case timeRuns = "while a controller runs, the time of its facts runs as its steady clock does"
  case epochsCountUp = "each start of a controller has the next epoch"
  case jobNumbersCountUp = "job numbers count up by one and are never reused"
  case attemptNumbersCountUp = "attempt numbers of a job count up by one"
  case attemptAfterEnd = "an attempt starts only for a job that waits, after the one before has ended"
  case gangIsWhole = "a gang is placed whole, on different nodes, with all its devices"
  case deviceOnce = "no device is given twice"
  case dependenciesCanHold = "no job is accepted that waits for what can no longer come true"
  case wishesHold = "a gang starts only on nodes and at times that its job asked for"
  case quotaHolds = "no start takes a project or a user over what it may use"
  case preemptionIsDue = "an attempt is stopped for another only if one that waits may take its place"
  case preemptionServes = "what is stopped for another makes room for it"
  case noPreemptionCycle = "jobs do not stop each other without end"
  case promiseHolds = "what starts leaves the first of those that wait the place that is held for it"
  case warnedInTime = "an attempt is warned once, while it runs, and not before its job asked for it"
  case unfitNode = "no gang is placed on a suspect, isolated or draining node"
  case stopsOnce = "a member stops once"
  case fenceHolds = "an attempt ends only when nothing of it runs, or on fenced nodes under `attempt`"
  case checkpointIsCurrent = "only the latest attempt's checkpoints count"
  case resumesFromCheckpoint = "an attempt resumes after the newest checkpoint that was accepted"
  case endsOnce = "a job ends once"
  // As the processes and the people outside see it.
  case durableBeforeTold = "nobody is told what is not on disk"
  case deviceRunsOnce = "no device has running ranks of two attempts"
  case leaseHolds = "no rank runs past its lease"
  case strictHolds = "under `strict` no two attempts of a job run at the same time"
  case stoppedIsStopped = "nothing runs of a member that is known to have stopped"
  case warningIsSentOnce = "ranks get the warning of their walltime once, and only of one that was given"
  case checkpointWasSaid = "a checkpoint that counts was said by the attempt that it is counted for"
  case acknowledgedStays = "an acknowledged submission is never lost or changed"
  case sameKeySameJobs = "a submission that is said again with its key answers the same jobs"
  case deathIsNoticed = "an attempt does not go on long after a node of it is gone"
  // Of state and disk.
  case followerAgrees = "follower and writer have the same state at the same fact"
  case accountsAreWhole = "every GPU-millisecond of the nodes has one account, also after a restart"
  case snapshotIsTrue = "a snapshot is the state of the fact that it names"
  case journalReads = "every whole batch on disk can be read"
  case factsFollow = "every fact can follow from those before it"
  case codecsAgree = "a message survives its encoding"
  case keptPlaceHolds = "a place that others are leaving for a job is nobody else's"
  // When the storm is over.
  case comesToRest = "when the storm is over every job ends or has a stated reason to wait"
  case enoughHappens = "a seed brings about enough facts"
}

/// A broken invariant, with what it was about.
public struct Failure: Error, Sendable, CustomStringConvertible {
  public var invariant: Invariant
  public var detail: String
  /// The job and the node concerned, if one is: what a history is shortened to.
  public var job: Int64?
  public var node: Int32?

  public var description: String { "\(invariant.rawValue): \(detail)" }
}
