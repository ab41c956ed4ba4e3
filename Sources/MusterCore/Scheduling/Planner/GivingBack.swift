/// What a victim holds comes back to the profile: the one thing that makes it grow within a round.
extension NodeProfile {
  /// Whole nodes up to the bucket in which they would have come back by themselves; `sign` -1 takes them again. What
  /// maintenance has taken stays taken.
  func give(_ places: [(place: LeafNodes, last: Int)], sign: Int32, _ view: borrowing PlanningView) {
    guard let end = places.map(\.last).max() else { return }
    var ofBucket = [[LeafNodes]](repeating: [], count: end + 1)
    var isTouched = [Bool](repeating: false, count: layout.groups.count)
    for (place, last) in places {
      ofBucket[last].append(place)
      isTouched[Int(layout.groupOfLeaf[Int(place.leaf)])] = true
    }
    let groups = layout.groups.indices.filter { isTouched[$0] }
    var sums = [Int32](repeating: 0, count: layout.groups.count)
    let closings = view.maintenance.map { ($0, buckets(of: $0, now: view.now)) }.filter { !$0.1.isEmpty }
    for bucket in stride(from: end, through: 0, by: -1) {
      for place in ofBucket[bucket] {
        let lane = Int(layout.laneOfLeaf[Int(place.leaf)])
        let count = delta.load(fromByteOffset: lane, as: UInt8.self) + UInt8(place.nodes)
        delta.storeBytes(of: count, toByteOffset: lane, as: UInt8.self)
        sums[Int(layout.groupOfLeaf[Int(place.leaf)])] += place.nodes
      }
      let closed = closings.filter { $0.1.contains(bucket) }.flatMap { $0.0.leaves }
      for group in groups {
        var nodes = sums[group]
        var hidden: [(lane: Int, count: UInt8)] = []
        for leaf in closed where Int(layout.groupOfLeaf[Int(leaf)]) == group {
          let lane = Int(layout.laneOfLeaf[Int(leaf)])
          let count = delta.load(fromByteOffset: lane, as: UInt8.self)
          guard count > 0 else { continue }
          hidden.append((lane, count))
          delta.storeBytes(of: 0, toByteOffset: lane, as: UInt8.self)
          nodes -= Int32(count)
        }
        add(group, bucket, sign: sign)
        lowerTotals(group: group, by: -sign * nodes, from: bucket, through: bucket)
        for (lane, count) in hidden { delta.storeBytes(of: count, toByteOffset: lane, as: UInt8.self) }
      }
    }
    for group in groups {
      let block = blocks[group]
      (delta + layout.groups[group].firstLane).initializeMemory(as: UInt8.self, repeating: 0, count: block.stride)
      for octet in 0...end / 8 {
        for lane in Swift.stride(from: 0, to: block.stride, by: 16) { block.refreshMinimum(octet, lane) }
      }
    }
  }

  private func add(_ group: Int, _ bucket: Int, sign: Int32) {
    let block = blocks[group]
    let (row, source) = (block.rows + bucket &* block.stride, delta + layout.groups[group].firstLane)
    var lane = 0
    while lane < block.stride {
      let old = row.load(fromByteOffset: lane, as: ByteBlock.Vector.self)
      let more = source.load(fromByteOffset: lane, as: ByteBlock.Vector.self)
      row.storeBytes(of: sign > 0 ? old &+ more : old &- more, toByteOffset: lane, as: ByteBlock.Vector.self)
      lane &+= 16
    }
  }
}

extension SharedLanes {
  /// Devices of a shared node up to a bucket; less than 0 takes them again. Where nothing of the node is used any more it is
  /// one of its leaf's.
  func give(
    _ devices: Int32, lane: Int, through: Int, _ nodes: borrowing NodeProfile, _ view: borrowing PlanningView
  ) {
    let closed = view.maintenance.filter { window in
      window.leaves.contains(leaf(ofLane: lane)) && (window.nodes == nil || window.sharedNodes.contains(Int32(lane)))
    }.map { nodes.buckets(of: $0, now: view.now) }
    change(lane: lane, by: devices, through: through, nodes) { bucket in closed.contains { $0.contains(bucket) } }
  }
}
