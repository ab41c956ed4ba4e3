extension Controller {
  /// Puts a policy in the place of the one before. The same one again is no fact.
  mutating func apply(policy: Policy) -> Reply {
    guard policy != cluster.policy else { return .done }
    note(.policyApplied(policy))
    mustSchedule = true
    return .done
  }
}
