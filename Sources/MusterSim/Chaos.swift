import MusterCore

/// One seed, from its beginning to its end.
public struct SeedResult: Sendable {
  public var seed: UInt64
  public var failure: Failure?
  public var coverage: Coverage
  public var facts: Int
  public var virtualSeconds: Double
}

/// Runs seeds, and makes the story of one that fails short.
public enum Chaos {
  public static func run(seed: UInt64, plant: Plant = .none, options: StormOptions = StormOptions()) -> SeedResult {
    var world = World(seed: seed, plant: plant, options: options)
    world.run()
    return SeedResult(
      seed: seed, failure: world.failure, coverage: world.coverage, facts: world.facts.count,
      virtualSeconds: world.virtualSeconds)
  }

  /// Seeds that a plant took to be found, counted from `first`; nil if none of `limit` found it.
  public static func seedsToFind(_ plant: Plant, from first: UInt64, limit: Int = 1_000) -> (Int, Failure)? {
    for i in 0..<limit where UInt64(i) <= UInt64.max - first {
      if let failure = run(seed: first + UInt64(i), plant: plant).failure { return (i + 1, failure) }
    }
    return nil
  }

  /// The story of a failure: which faults it needs, and what happened last to whom it befell.
  public struct Story: Sendable {
    public var failure: Failure
    /// Kinds of fault without which the same invariant still breaks.
    public var without: [Injected]
    /// What is left of the storm when those are taken out.
    public var needs: [Injected]
    public var history: String
  }

  /// Leaves out one kind of fault after the other while the same invariant still breaks.
  public static func story(seed: UInt64, plant: Plant = .none, lines: Int = 40) -> Story? {
    var options = StormOptions()
    guard let first = run(seed: seed, plant: plant).failure else { return nil }
    for kind in Injected.allCases {
      var fewer = options
      fewer.without.insert(kind)
      if run(seed: seed, plant: plant, options: fewer).failure?.invariant == first.invariant { options = fewer }
    }
    options.keepsHistory = true
    var world = World(seed: seed, plant: plant, options: options)
    world.run()
    let failure = world.failure ?? first
    return Story(
      failure: failure, without: Injected.allCases.filter { options.without.contains($0) },
      needs: Injected.allCases.filter { world.coverage.injected[$0] != nil },
      history: world.history.tail(job: failure.job, node: failure.node, count: lines))
  }
}
