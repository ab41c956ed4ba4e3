import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  /// `GET /v1/jobs?array=41`: the tasks of an array by ascending index, or with `&index=3` that one alone.
  func tasks(_ request: Request) async throws -> Response {
    let array = JobID(try API.number(request, "array", default: 0, in: 1...(Int64.max - 1)))
    let after = try API.number(request, "after", default: 0, in: 0...(Int64.max - 1))
    let limit = try API.number(request, "limit", default: Int64(API.pageLimit), in: 1...Int64(API.pageLimit))
    var index: Int64?
    if request.uri.queryParameters["index"] != nil {
      index = try API.number(request, "index", default: 0, in: JobFile.Limits.arrayIndex)
    }
    let (wanted, states) = (index, try API.states(request))
    return Response(
      json: try await perform(.reads) { (state, _) throws(APIError) in
        try state.controller.taskPage(of: array, after: after, limit: Int(limit), index: wanted, states: states)
      })
  }
}

extension Controller {
  /// Tasks have numbers that follow one another, the first one's is the array's; some may be archived.
  fileprivate func taskPage(
    of array: JobID, after: Int64, limit: Int, index: Int64?, states: Set<JobState>?
  ) throws(APIError) -> JSON {
    var jobs: [JSON] = []
    var id = array.number
    var end = min(cluster.nextJob, id + Int64(JobFile.Limits.arrayTasks))
    var isArray = false
    while id < end, jobs.count < limit {
      defer { id += 1 }
      guard let slot = cluster.slot(of: JobID(id)) else { continue }
      guard let task = cluster.spec(slot).wishes.array, task.array(of: JobID(id)) == array else { break }
      isArray = true
      end = array.number + Int64(task.count)
      guard id > after, index.map({ $0 == Int64(task.index) }) ?? true,
        states?.contains(cluster.job(slot).state) ?? true
      else { continue }
      jobs.append(.object(jobView(slot)))
    }
    guard isArray else {
      throw .notFound("\(array) is no array of jobs", "`muster jobs` shows tasks as ARRAY_INDEX, e.g. 41_3")
    }
    return ["jobs": .array(jobs), "next": id < end ? .int(id - 1) : .null]
  }
}
