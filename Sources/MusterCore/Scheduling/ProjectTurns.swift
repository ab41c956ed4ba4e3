/// Jobs of one priority in the order in which projects have their turn. At every level of the tree those come first whose
/// next job is within what is guaranteed to them, of these and of the others those that have used least for their
/// weight. What is put in order counts as used, so that projects take turns; in a project the older job comes first.
struct ProjectTurns {
  /// A job as far as the order needs to know it.
  struct Entry {
    var slot: Int32
    var devices: Int32
    /// Of the topology; -1: several will do.
    var type: Int32
    /// What it counts for, in device-seconds.
    var charge: Double
  }

  /// A project, or what a project with children has of its own; behind the declared ones those that nobody declared.
  private struct Party {
    var parent: Int32
    var weight: Double
    var guaranteed: [Int32]
    var used: [Int32]
    var seconds: Double
    var entries: [Entry] = []
    var next = 0
    /// Those below it that have jobs, the first in turn on top.
    var heap: [Int32] = []
    var isOver = false
    var share = 0.0
  }

  private let tree: ProjectTree
  private var parties: [Party] = []
  /// Of projects with children: the party of their own jobs.
  private var own: [Int32]
  private var strangers: [String: Int32] = [:]
  private var roots: [Int32] = []

  /// `used`: devices that run by project and kind, children's counted; `seconds`: decayed device time, likewise.
  init(_ tree: ProjectTree, used: [[Int32]], seconds: [Double]) {
    self.tree = tree
    own = Array(repeating: -1, count: tree.count)
    for i in 0..<tree.count {
      parties.append(
        Party(
          parent: tree.parents[i], weight: Double(tree.weights[i]), guaranteed: tree.guaranteed[i], used: used[i],
          seconds: seconds[i]))
    }
    for i in 0..<tree.count where tree.parents[i] >= 0 {
      let parent = Int(tree.parents[i])
      if own[parent] < 0 {
        own[parent] = Int32(parties.count)
        let left = zip(tree.guaranteed[parent], tree.ofChildren[parent]).map { max(0, $0 - $1) }
        parties.append(
          Party(parent: Int32(parent), weight: 1, guaranteed: left, used: used[parent], seconds: seconds[parent]))
      }
      // What its children use is theirs.
      let at = Int(own[parent])
      parties[at].seconds -= seconds[i]
      for kind in tree.kinds.indices { parties[at].used[kind] -= used[i][kind] }
    }
  }

  mutating func add(_ entry: Entry, project: String, seconds: @autoclosure () -> Double) {
    let number = tree.number(project)
    let party: Int32
    if number >= 0 {
      party = own[Int(number)] >= 0 ? own[Int(number)] : number
    } else if let known = strangers[project] {
      party = known
    } else {
      party = Int32(parties.count)
      strangers[project] = party
      let none = tree.kinds.map { _ in Int32(0) }
      parties.append(Party(parent: -1, weight: 1, guaranteed: none, used: none, seconds: seconds()))
    }
    parties[Int(party)].entries.append(entry)
  }

  /// To be called when all are added.
  mutating func begin() {
    var below = parties.map { _ in [Int32]() }
    // Those without children stand behind all that have some, and children behind their parents.
    for i in parties.indices.reversed() {
      parties[i].heap = heap(of: below[i])
      guard entry(Int32(i)) != nil else { continue }
      judge(Int32(i))
      if parties[i].parent >= 0 { below[Int(parties[i].parent)].append(Int32(i)) } else { roots.append(Int32(i)) }
    }
    roots = heap(of: roots)
  }

  /// The job whose turn it is; nil: there is none.
  var first: Entry? {
    guard var at = roots.first else { return nil }
    while let below = parties[Int(at)].heap.first { at = below }
    return parties[Int(at)].entries[parties[Int(at)].next]
  }

  /// Goes on behind the first one; `isCounted`: it is looked at in this round.
  mutating func removeFirst(isCounted: Bool) {
    guard var at = roots.first else { return }
    while let below = parties[Int(at)].heap.first { at = below }
    let entry = parties[Int(at)].entries[parties[Int(at)].next]
    parties[Int(at)].next += 1
    var party = at
    while party >= 0 {
      if isCounted {
        parties[Int(party)].seconds += entry.charge
        for kind in tree.kinds.indices where tree.counts(kind, entry.type) {
          parties[Int(party)].used[kind] &+= entry.devices
        }
      }
      party = parties[Int(party)].parent
    }
    settle(at)
  }

  /// A party on top of its heap has changed, or has nothing left; then those above it.
  private mutating func settle(_ party: Int32) {
    let (parent, isEmpty) = (parties[Int(party)].parent, entry(party) == nil)
    if !isEmpty { judge(party) }
    if parent < 0 {
      sinkFirst(&roots, removed: isEmpty)
      return
    }
    var heap = parties[Int(parent)].heap
    parties[Int(parent)].heap = []
    sinkFirst(&heap, removed: isEmpty)
    parties[Int(parent)].heap = heap
    settle(parent)
  }

  private func entry(_ party: Int32) -> Entry? {
    var at = party
    while let below = parties[Int(at)].heap.first { at = below }
    return parties[Int(at)].next < parties[Int(at)].entries.count
      ? parties[Int(at)].entries[parties[Int(at)].next] : nil
  }

  private mutating func judge(_ party: Int32) {
    guard let entry = entry(party) else { return }
    let i = Int(party)
    var isWithin = false
    for kind in tree.kinds.indices where tree.counts(kind, entry.type) {
      let guaranteed = parties[i].guaranteed[kind]
      if guaranteed > 0, parties[i].used[kind] &+ entry.devices <= guaranteed { isWithin = true }
    }
    parties[i].isOver = !isWithin
    parties[i].share = parties[i].seconds / parties[i].weight
  }

  // MARK: Heaps

  private func comesBefore(_ a: Int32, _ b: Int32) -> Bool {
    let isOver = parties[Int(a)].isOver
    if isOver != parties[Int(b)].isOver { return !isOver }
    let (x, y) = (parties[Int(a)].share, parties[Int(b)].share)
    return x != y ? x < y : a < b
  }

  private func heap(of parties: [Int32]) -> [Int32] {
    var heap = parties
    for i in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(i, &heap) }
    return heap
  }

  private func sinkFirst(_ heap: inout [Int32], removed: Bool) {
    if removed {
      guard let last = heap.popLast(), !heap.isEmpty else { return }
      heap[0] = last
    }
    sink(0, &heap)
  }

  private func sink(_ from: Int, _ heap: inout [Int32]) {
    var at = from
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2] where child < heap.count && comesBefore(heap[child], heap[least]) {
        least = child
      }
      guard least != at else { return }
      heap.swapAt(at, least)
      at = least
    }
  }
}
