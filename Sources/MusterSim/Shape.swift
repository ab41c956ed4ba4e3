import MusterCore

/// What may be left out of a storm, to see whether a failure needs it.
public struct StormOptions: Sendable {
  /// The storm lasts at least this long, and until enough has happened.
  public var seconds: Int64 = 90
  public var leastFacts = 2_000
  /// Kinds of fault that are drawn and then not done: everything else stays as it was.
  public var without: Set<Injected> = []
  /// Keeps what happened, for people. Costs time and memory.
  public var keepsHistory = false

  public init() {}
}

/// The world of one seed, drawn before it begins.
struct Shape: Sendable {
  var nodes: Int
  var limits = Limits()
  /// Coarse: what runs here takes seconds.
  var grid = TimeGrid(zones: [TimeGrid.Zone(step: 1, buckets: 64)])
  var lossPermille = 0
  var duplicatePermille = 0
  var reorderPermille = 0
  /// Nanoseconds.
  var slowestMessage: Int64
  var slowestSync: Int64
  var slowestPlan: Int64
  var meanBetweenStrikes: Int64
  var meanBetweenSubmissions: Int64
  /// Millionths by which clocks run fast (or slow): at most 1 %.
  var controllerDrift: Int64

  init(seed: UInt64) {
    var chance = Chance(seed: seed, purpose: 4)
    nodes = 6 + chance.below(5)
    limits.lease = .milliseconds(chance.between(5_000, 14_000))
    limits.silence = .milliseconds(chance.between(1_200, 2_000))
    limits.agentSilence = .milliseconds(chance.between(2_500, 4_000))
    limits.firstWord = .milliseconds(chance.between(4_000, 10_000))
    limits.keyLifetime = .seconds(100)
    limits.warningPatience = .seconds(3)
    if chance.hits(400) { lossPermille = chance.below(40) }
    if chance.hits(400) { duplicatePermille = chance.below(40) }
    if chance.hits(400) { reorderPermille = chance.below(40) }
    slowestMessage = chance.between(1, 25) * 1_000_000
    slowestSync = chance.between(1, 30) * 1_000_000
    var planning = Chance(seed: seed, purpose: 8)
    slowestPlan = (planning.hits(300) ? planning.between(100, 2_000) : planning.between(1, 20)) * 1_000_000
    meanBetweenStrikes = chance.between(900, 3_000) * 1_000_000
    meanBetweenSubmissions = chance.between(500, 1_000) * 1_000_000
    controllerDrift = chance.between(-10_000, 10_000)
    limits.refusesImpossible = planning.hits(500)
    if Shape.knowsWalltimes(seed) {
      grid = TimeGrid(zones: [TimeGrid.Zone(step: 1, buckets: 64)], unit: .seconds(1))
    }
    limits.planningHorizon = grid.horizon
    var sharing = Chance(seed: seed, purpose: 11)
    limits.minimumRun = .milliseconds(sharing.between(1_000, 20_000))
    // As in a fleet of tens of thousands: agents on which nothing runs report less often.
    if chance.hits(300) { limits.idleReports = chance.between(2, 4) }
  }
}
