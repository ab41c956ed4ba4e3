/// Slots in a dense array, reused through a free list: an index stays valid while its item lives, and neither `insert`
/// nor `remove` allocates once there is room.
struct Pool<Item: Sendable>: Sendable {
  private(set) var items: [Item] = []
  private(set) var free: [Int32] = []

  var count: Int { items.count - free.count }

  mutating func reserve(_ n: Int) {
    items.reserveCapacity(n)
    free.reserveCapacity(n)
  }

  mutating func insert(_ item: Item) -> Int32 {
    if let slot = free.popLast() {
      items[Int(slot)] = item
      return slot
    }
    items.append(item)
    return Int32(items.count - 1)
  }

  mutating func remove(_ slot: Int32) { free.append(slot) }

  subscript(_ slot: Int32) -> Item {
    get { items[Int(slot)] }
    _modify { yield &items[Int(slot)] }
  }

  init() {}

  /// From a snapshot.
  init(items: [Item], free: [Int32]) {
    self.items = items
    self.free = free
  }
}
