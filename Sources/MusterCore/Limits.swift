/// Every number that bounds or times the core, in one place: unit, why, and the range that a simulation may draw from.
public struct Limits: Sendable, Hashable {
  /// A shim kills its ranks this long after its last acknowledged beat. Default 30 s: longer than a controller's restart.
  /// Simulations: 2 s to 120 s.
  public var lease: Span = .seconds(30)
  /// Three beats of 0.5 s missed: the member is silent. Simulations: 0.5 s to 10 s.
  public var silence: Span = .milliseconds(1500)
  /// One beat missed, and something over for the way: not yet silent.
  var quiet: Span { Span(nanoseconds: silence.nanoseconds / 2) }
  /// Three beats of 1 s missed: the agent is silent. Simulations: 1 s to 20 s.
  public var agentSilence: Span = .milliseconds(3000)
  /// How often an agent reports. Simulations keep it: agents of older versions know no other.
  public var report: Span = .seconds(1)
  /// Reports a second that agents on which nothing runs send together. More of them report less often each, at the least
  /// every `slowestReport`, and count as silent that much later. Simulations: 2 to 5,000.
  public var idleReports: Int64 = 5_000
  /// Below what either side takes for a cut link when nothing comes (10 s).
  public var slowestReport: Span = .seconds(5)
  /// A new shim may take this long to its first word; so may all after the controller's start. A loaded machine
  /// starting many Python processes needs seconds. Simulations: 2 s to 60 s.
  public var firstWord: Span = .seconds(15)
  /// After its grace a survivor has this long to confirm its stop. Simulations: 0.5 s to 10 s.
  public var confirm: Span = .seconds(2)
  /// Past a lease's end before its ranks count as gone: the shim's own kill and clock rounding. Simulations: 0 to 5 s.
  public var leaseMargin: Span = .seconds(1)
  /// When a rank ended is known by its age in a report, in whole milliseconds and later by the report's way. Two ends on
  /// two nodes that lie closer together have no known order.
  public var endPrecision: Span = .milliseconds(2)
  /// A report on a loaded machine or a slow link may take this long: an order of ends that rests on less is no more than
  /// likely.
  public var reportDelay: Span = .milliseconds(50)
  /// An attempt that a node's fault ends sooner after its start, and without a step, counts as no start at all.
  public var shortAttempt: Span = .seconds(30)
  /// So many of them in a row are followed by a next attempt at once; then after 1, 2, 4 ... seconds.
  public var freeRestarts: Int32 = 3
  public var longestPause: Span = .seconds(60)
  /// A job that was stopped for another runs at least so long before it is stopped for one again. Simulations: 0 to 1 h.
  public var minimumRun: Span = .seconds(600)
  /// A gang that has waited so long, and whose start cannot be foreseen, gathers nodes as they become free. Simulations: 0
  /// to 1 d.
  public var patience: Span = .seconds(7200)
  /// What ranks have said that they do instead of steps becomes a fact at most so often, when a tenth of it is new; else with
  /// the next checkpoint or the attempt's end. Simulations: 0 to 1 d.
  public var statusTold: Span = .seconds(60)
  /// What the plan keeps idle for gangs that wait becomes a fact at most so often. Simulations: 0 to 1 d.
  public var placesTold: Span = .seconds(60)
  /// What ranks have waited for each other is compared when each of those that say so has said something new, else after
  /// this long without those that have not. Simulations: 0 to 1 d.
  public var waitPatience: Span = .seconds(600)
  /// The most of its `stop.grace` that a job has when another takes its place: time for a checkpoint, not to stay.
  /// Simulations: 0 to 1 h.
  public var preemptionGrace: Span = .seconds(600)
  /// From a start to the first step, of a job of which it is not known: containers, imports, loading a checkpoint.
  public var typicalStart: Span = .seconds(60)
  /// Idempotency keys are remembered this long.
  public var keyLifetime: Span = .seconds(24 * 3600)
  /// A finished job stays in the hot state this long.
  public var finishedJobLifetime: Span = .seconds(24 * 3600)
  /// Jobs not yet finished. A full queue refuses: 1,000,000 waiting jobs weigh about 1 GB.
  public var unfinishedJobs = 1_000_000
  public var nodes = 65_536
  /// What the fleet could never run is refused at submission; else it waits, and says so.
  public var refusesImpossible = false
  /// The host starts so many nodes itself: before they have all joined, no job is refused as one that can never run.
  public var expectedNodes = 0
  /// Join tokens valid at the same time.
  public var joinTokens = 1_000
  /// An attempt that began when its warning was due already is warned after its first step, or after this long: a
  /// program that is still loading has no handler yet. Simulations: 1 s to 60 s.
  public var warningPatience: Span = .seconds(30)
  public var planning = PlanningMode.all
  /// How far a round looks ahead; the host's `Scheduler` has a grid of that length.
  public var planningHorizon = TimeGrid.standard.horizon
  /// Bytes of facts of one request: far below what one commit may be.
  public var submissionBytes = 16 << 20
  /// Planned at the same time.
  public var maintenance = 1_000
  /// Members on one node at a time; bounds jobs that ask for no device.
  public var membersPerNode: Int32 = 64

  /// False where ranks are pretended and say their steps now and then: their quiet means nothing.
  public var judgesHangs = true

  public init() {}
}
