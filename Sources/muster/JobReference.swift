import ArgumentParser
import MusterClient
import MusterProtocol

/// A job as people name it: by its number, or a task of an array by the array's number and its index, `41_3`.
struct JobReference: ExpressibleByArgument, Hashable, CustomStringConvertible {
  var number: Int64
  /// nil: the number is the job's own.
  var index: Int64?

  init(number: Int64, index: Int64? = nil) {
    self.number = number
    self.index = index
  }

  init?(argument: String) {
    let parts = argument.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count <= 2, let number = Int64(parts[0]), number > 0 else { return nil }
    self.number = number
    guard parts.count == 2 else { return }
    guard let index = Int64(parts[1]), JobFile.Limits.arrayIndex.contains(index) else { return nil }
    self.index = index
  }

  var description: String { index.map { "\(number)_\($0)" } ?? "\(number)" }

  /// The job's number; the controller is asked only for a task of an array.
  func resolved(_ client: Client) throws -> Int64 {
    guard let index else { return number }
    let found = try client.get("/v1/jobs?array=\(number)&index=\(index)")["jobs"]?.arrayValue ?? []
    guard let id = found.first?["id"]?.intValue else { throw CommandFailure.noSuchTask(index, array: number) }
    return id
  }

  /// As `resolved`, but the number of an array stands for all of its tasks, as in Slurm.
  func allResolved(_ client: Client) throws -> [Int64] {
    guard index == nil else { return [try resolved(client)] }
    guard try client.get("/v1/jobs/\(number)")["arrayId"]?.intValue == number else { return [number] }
    return try client.pages("/v1/jobs", key: "jobs", query: ["array=\(number)"]).compactMap { $0["id"]?.intValue }
  }
}

extension JSON {
  /// A job's number, of an array's task `41_3`.
  var shownJob: String {
    guard let array = self["arrayId"]?.intValue, let index = self["arrayIndex"]?.intValue else { return shown("id") }
    return "\(array)_\(index)"
  }
}
