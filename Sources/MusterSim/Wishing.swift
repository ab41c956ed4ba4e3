import MusterCore

/// What people ask for beside the shape of a gang, and what they do to those that wait.
extension World {
  mutating func drawWishes(nodes: Int32) -> Wishes {
    coverage.did(.wished)
    var wishes = Wishes()
    switch wishing.below(9) {
    case 0: if nodes % 2 == 0 { wishes.segment = 2 }
    case 1: if nodes <= 3 { wishes.within = Within(level: "rack", isRequired: wishing.hits(800)) }
    case 2: wishes.spread = Spread(level: "rack", atMost: 2)
    case 3: if nodes <= 3 { wishes.constraint = [LabelRule(key: "even", value: "yes")] }
    case 4: wishes.exclude = [self.nodes[wishing.below(self.nodes.count)].name]
    case 5: wishes.isExclusive = true
    case 6: wishes.begin = host.time + .milliseconds(wishing.between(0, 20_000))
    case 7: wishes.isHeld = true
    default:
      let kind = Dependency.Kind.allCases[wishing.below(Dependency.Kind.allCases.count)]
      if let other = acknowledged.last { wishes.dependsOn = [Dependency(kind: kind, job: JobID(other.job))] }
    }
    return wishes
  }

  /// Somebody holds or lets go of a job that waits, or plans a maintenance of a few seconds.
  mutating func meddle() {
    guard isStorm, host.isUp else { return }
    if wishing.hits(300), let slot = controller.cluster.pending.randomElement(using: &wishing) {
      let job = controller.cluster.job(slot)
      order(job.isHeld ? .release(job.id) : .hold(job.id))
    }
    if wishing.hits(60) {
      let from = host.time + .milliseconds(wishing.between(0, 5_000))
      let window = Maintenance(
        id: 0, from: from, to: from + .milliseconds(wishing.between(1_000, 15_000)),
        nodes: wishing.hits(500) ? nodes[wishing.below(nodes.count)].name : "", level: "", domain: "")
      order(.addMaintenance(window))
    }
  }

  /// When the storm is over nobody keeps a job from starting.
  mutating func releaseAll() {
    for slot in controller.cluster.pending where controller.cluster.job(slot).isHeld {
      order(.release(controller.cluster.job(slot).id))
    }
  }
}
