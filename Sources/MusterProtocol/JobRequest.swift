public import MusterCore

/// What a job file asks for: one job, or an array of jobs that differ by an index.
public struct JobRequest: Hashable, Sendable {
  public var spec: JobSpec
  public var array: ArrayRequest?

  public init(spec: JobSpec, array: ArrayRequest? = nil) {
    self.spec = spec
    self.array = array
  }

  /// The jobs that are submitted: one, or one for each index.
  public var tasks: [JobSpec] {
    guard let array else { return [spec] }
    return array.indices.enumerated().map { position, index in
      var task = spec
      task.wishes.array = ArrayTask(
        position: Int32(position), count: Int32(array.indices.count), index: index, atOnce: array.atOnce)
      return task
    }
  }

  /// As a job file in JSON: `JobFile.read(json:context:)` gives the same request back.
  public var json: JSON {
    guard let array, case .object(var members) = spec.specJSON else { return spec.specJSON }
    members.append(.init(name: "array", value: .string(array.text)))
    return .object(members)
  }
}

public struct ArrayRequest: Hashable, Sendable {
  /// Ascending, none twice.
  public var indices: [Int32]
  /// Tasks that may run at the same time; 0 is no limit.
  public var atOnce: Int32

  public init(indices: [Int32], atOnce: Int32 = 0) {
    self.indices = indices
    self.atOnce = atOnce
  }

  /// As Slurm writes it: `0-3,7%2`.
  public var text: String {
    var ranges: [ClosedRange<Int32>] = []
    for index in indices {
      if let last = ranges.last, last.upperBound + 1 == index {
        ranges[ranges.count - 1] = last.lowerBound...index
      } else {
        ranges.append(index...index)
      }
    }
    let texts = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    return texts.joined(separator: ",") + (atOnce > 0 ? "%\(atOnce)" : "")
  }

  /// `0-15%4`, `1,3,7`, `0-15:4`.
  static func parse(_ text: String) -> Result<ArrayRequest, JobFileRuleBroken> {
    let halves = text.split(separator: "%", omittingEmptySubsequences: false)
    var request = ArrayRequest(indices: [])
    if halves.count == 2 {
      guard let atOnce = number(halves[1]), (1...JobFile.Limits.arrayIndex.upperBound).contains(atOnce) else {
        return .failure(.init(.array))
      }
      request.atOnce = Int32(atOnce)
    }
    guard halves.count <= 2 else { return .failure(.init(.array)) }
    var seen: Set<Int32> = []
    for part in halves[0].split(separator: ",", omittingEmptySubsequences: false) {
      let stepped = part.split(separator: ":", omittingEmptySubsequences: false)
      let ends = stepped[0].split(separator: "-", omittingEmptySubsequences: false).map(number)
      guard stepped.count <= 2, ends.count <= 2, stepped.count == 1 || ends.count == 2, let first = ends[0],
        let last = ends[ends.count - 1], first <= last
      else { return .failure(.init(.array)) }
      guard last <= JobFile.Limits.arrayIndex.upperBound else {
        return .failure(.init(.arrayIndex(to: JobFile.Limits.arrayIndex.upperBound)))
      }
      guard let step = stepped.count == 2 ? number(stepped[1]) : 1, step > 0 else { return .failure(.init(.array)) }
      for index in stride(from: first, through: last, by: Int(step)) {
        seen.insert(Int32(index))
        guard seen.count <= JobFile.Limits.arrayTasks else {
          return .failure(.init(.arrayTasks(limit: JobFile.Limits.arrayTasks)))
        }
      }
    }
    request.indices = seen.sorted()
    return .success(request)
  }

  private static func number(_ text: Substring) -> Int64? {
    text.isEmpty || text.count > 9 || !text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) ? nil : Int64(text)
  }
}
