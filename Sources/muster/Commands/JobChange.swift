import MusterClient
import MusterProtocol

extension ConnectionOptions {
  /// Asks for a change of jobs, each by itself, and shows what they are then: `told`, or their state.
  func change(jobs: [JobReference], _ action: String, told: String? = nil) throws {
    let client = client()
    var ids: [Int64] = []
    var answers: [JSON] = []
    var firstError: ClientError?
    for job in jobs {
      do {
        let tasks = try job.allResolved(client)
        ids += tasks
        for id in tasks {
          do {
            answers.append(try client.post("/v1/jobs/\(id)/\(action)"))
          } catch {
            // Of an array's tasks some have ended already: that is not what was asked about.
            if tasks.count > 1, !error.passes { continue }
            throw error
          }
        }
      } catch let error as ClientError {
        // The others are changed all the same, unless nobody answers.
        Terminal.error(ErrorText.text(error, isJSON: json))
        firstError = firstError ?? error
        if error.passes { break }
      }
    }
    if !answers.isEmpty {
      show(ids.count == 1 ? answers[0] : .array(answers)) { style in
        answers.map { answer in
          let state = told ?? answer.shown("state")
          return "Job \(answer.shownJob) is \(style.paint(state, Style.tone(state: state))).\n"
        }.joined()
      }
    }
    if let firstError { throw CommandFailure.silent(code: firstError.exitStatus.rawValue) }
  }
}
