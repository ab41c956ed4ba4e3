import Testing

@testable import MusterCore

/// A project's part of the queue.
@Suite struct ProjectQueueTests {
  /// More jobs than a round looks at wait, each fifth of them the project's.
  private static func fill(_ fleet: inout Fleet) -> (own: [JobID], others: [JobID]) {
    _ = fleet.submit(Fleet.spec(nodes: 15))
    var (own, others): ([JobID], [JobID]) = ([], [])
    for i in 0..<20 {
      var spec = Fleet.spec(nodes: 2)
      spec.project = i % 5 == 3 ? "own" : "other"
      let job = fleet.submit(spec)
      if i % 5 == 3 { own.append(job) } else { others.append(job) }
    }
    return (own, others)
  }

  private static func all(
    _ fleet: borrowing Fleet, _ project: String?, limit: Int, most: Int
  ) -> (jobs: [JobID], pages: Int) {
    var (jobs, pages): ([JobID], Int) = ([], 0)
    var at: Int? = 0
    while let from = at {
      let page = fleet.controller.queue(from: from, limit: limit, project: project, lookingAt: most)
      for slot in page.slots { jobs.append(fleet.controller.cluster.job(slot).id) }
      (pages, at) = (pages + 1, page.next)
    }
    return (jobs, pages)
  }

  @Test("it has the queue's order, whatever a page may look at", arguments: [(1, 1), (1, 50), (3, 2), (50, 50)])
  func pages(limit: Int, most: Int) {
    var fleet = Fleet(mode: PlanningMode(depth: 8))
    let (own, others) = Self.fill(&fleet)
    let whole = Self.all(fleet, nil, limit: 50, most: most)
    #expect(whole.pages == 1 && Set(whole.jobs) == Set(own + others))
    #expect(Self.all(fleet, "own", limit: limit, most: most).jobs == whole.jobs.filter(own.contains))
    #expect(Self.all(fleet, "nobody", limit: limit, most: most).jobs.isEmpty)
  }

  @Test("a page looks at no more than it may")
  func bounded() {
    var fleet = Fleet(mode: PlanningMode(depth: 8))
    _ = Self.fill(&fleet)
    let page = fleet.controller.queue(from: 0, limit: 50, project: "nobody", lookingAt: 7)
    #expect(page.slots.isEmpty && page.next == 7)
  }
}
