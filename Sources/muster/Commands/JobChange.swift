import MusterClient
import MusterProtocol

extension ConnectionOptions {
  /// Asks for a change of jobs, each by itself, and shows what they are then: `told`, or their state.
  func change(jobs: [JobReference], _ action: String, told: String? = nil) throws {
    let client = client()
    var ids: [Int64] = []
    var answers: [JSON] = []
    var firstCode: Int32?
    for job in jobs {
      do {
        let tasks = try job.allResolved(client)
        ids += tasks
        var refused: ClientError?
        let before = answers.count
        for id in tasks {
          do {
            answers.append(try client.post("/v1/jobs/\(id)/\(action)"))
          } catch {
            // Of an array's tasks some have ended already: that is not what was asked about, unless all have.
            guard !error.passes else { throw error }
            refused = error
          }
        }
        if answers.count == before, let refused { throw refused }
      } catch let error as ClientError {
        // The others are changed all the same, unless nobody answers.
        Terminal.error(ErrorText.text(error, isJSON: json))
        firstCode = firstCode ?? error.exitStatus.rawValue
        if error.passes { break }
      } catch let failure as CommandFailure {
        Terminal.error(ErrorText.text(failure, isJSON: json))
        firstCode = firstCode ?? failure.exitCode
      }
    }
    if !answers.isEmpty {
      show(jobs.count == 1 && ids.count == 1 ? answers[0] : .array(answers)) { style in
        answers.map { answer in
          let state = told ?? answer.shown("state")
          return "Job \(answer.shownJob) is \(style.paint(state, Style.tone(state: state))).\n"
        }.joined()
      }
    }
    if let firstCode { throw CommandFailure.silent(code: firstCode) }
  }
}
