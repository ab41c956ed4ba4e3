/// Running sums of each device of a node, in single precision: 188 bytes a device in place of `DeviceInterval`'s 700, for
/// whoever keeps them of a whole fleet. Whole milliseconds are exact to 2^24 (4 h 39 min of one device); what counters add
/// up to is right to six digits.
public struct IntervalSums: Hashable, Sendable {
  private var values: [Float] = []

  /// 3 times, the states, each counter's sum and weight, the clock's sum and weight.
  private static let stride = 3 + DeviceState.allCases.count + 2 * DeviceCounter.allCases.count + 2

  public init() {}

  public var deviceCount: Int { values.count / Self.stride }

  /// Begins anew, in the memory that it has.
  public mutating func removeAll() { values.removeAll(keepingCapacity: true) }

  /// - Parameter device: its number; those below it that were never added have 0 milliseconds.
  public mutating func add(_ interval: DeviceInterval, at device: Int) {
    let missing = (device + 1) * Self.stride - values.count
    if missing > 0 { values.append(contentsOf: repeatElement(0, count: missing)) }
    guard interval.milliseconds > 0 else { return }
    var i = device * Self.stride
    func add(_ value: Double) {
      values[i] += Float(value)
      i += 1
    }
    add(Double(interval.milliseconds))
    add(Double(interval.darkMilliseconds))
    add(Double(interval.cappedMilliseconds))
    for time in interval.states { add(Double(time)) }
    for counter in 0..<DeviceCounter.allCases.count {
      add(interval.sums[counter])
      add(interval.weights[counter])
    }
    add(interval.clockByTensor)
    add(interval.tensorWeight)
  }

  public subscript(device: Int) -> DeviceInterval {
    var interval = DeviceInterval()
    var i = device * Self.stride
    func next() -> Double {
      defer { i += 1 }
      return Double(values[i])
    }
    interval.milliseconds = Int64(next())
    interval.darkMilliseconds = Int64(next())
    interval.cappedMilliseconds = Int64(next())
    for state in interval.states.indices { interval.states[state] = Int64(next()) }
    for counter in 0..<DeviceCounter.allCases.count {
      interval.sums[counter] = next()
      interval.weights[counter] = next()
    }
    interval.clockByTensor = next()
    interval.tensorWeight = next()
    return interval
  }
}
