import MusterClient
import MusterDevices
import MusterProtocol

/// Why a command ends without success, beside what the controller says.
enum CommandFailure: Error, Hashable {
  /// The command has told what there is to tell.
  case silent(code: Int32)
  case timedOut(seconds: Double)
  case unreadableFile(String)
  case wrongJob(file: String, JobFileErrors)
  case wrongPolicy(file: String, JobFileErrors)
  case fileExists(String)
  /// A file of a simulation; one line a problem.
  case wrongInput(String)
  case journalExists(String)
  case wrongTime(String)
  case wrongVariable(String)
  case notConfirmed(node: String)
  case noSuchRank(Int64, job: Int64, worldSize: Int64)
  case noSuchTask(Int64, array: Int64)
  case notAMessage(String)
  case messageTooLong(bytes: Int, limit: Int)
  case notifyUnreachable(path: String, reason: String)
  case cannotServe(String)
  /// One line a problem of the efficiency file.
  case wrongEfficiency(String)
  case portBusy(host: String, port: Int)
  case portForbidden(host: String, port: Int)
  case notOurAddress(host: String)
  /// What was shown to join a controller of another host is none of its tokens.
  case noJoinToken
  case journal(code: String, String, remedy: String)
  case noJournal(String)
  case noRecording(String)
  case wrongRecording(file: String, RecordingProblem)
  case beyondJournal(asked: Int64, last: Int64)
  case unwritableFile(String, reason: String)
  case ownController(folder: String)
  case plainLogin(String)
  case unknownController(fingerprint: String)

  var exitCode: Int32 {
    switch self {
    case .silent(let code): code
    case .timedOut: CommandStatus.timedOut.rawValue
    case .unreadableFile, .unwritableFile, .wrongJob, .wrongPolicy, .wrongEfficiency, .wrongInput, .wrongTime,
      .wrongVariable,
      .notConfirmed,
      .notAMessage,
      .messageTooLong:
      CommandStatus.usage.rawValue
    case .plainLogin, .unknownController: CommandStatus.usage.rawValue
    case .ownController, .wrongRecording, .fileExists, .journalExists, .cannotServe, .portBusy, .portForbidden,
      .notOurAddress,
      .noJoinToken:
      CommandStatus.refused.rawValue
    case .journal: CommandStatus.failed.rawValue
    case .noSuchRank, .noSuchTask, .noJournal, .noRecording, .beyondJournal: CommandStatus.notFound.rawValue
    case .notifyUnreachable: CommandStatus.unreachable.rawValue
    }
  }

  /// For programs; never changed once released.
  var code: String {
    switch self {
    case .silent: "failed"
    case .timedOut: "timedOut"
    case .unreadableFile: "unreadableFile"
    case .unwritableFile: "unwritableFile"
    case .wrongJob: "invalidJob"
    case .wrongInput: "invalidInput"
    case .journalExists: "fileExists"
    case .wrongPolicy: "invalidPolicy"
    case .wrongEfficiency: "invalidEfficiency"
    case .fileExists: "fileExists"
    case .wrongTime, .wrongVariable, .notAMessage, .messageTooLong: "usage"
    case .notConfirmed: "notConfirmed"
    case .noSuchRank, .noSuchTask, .noJournal, .noRecording, .beyondJournal: "notFound"
    case .wrongRecording: "invalidRecording"
    case .notifyUnreachable: "unreachable"
    case .cannotServe: "cannotServe"
    case .portBusy: "portBusy"
    case .portForbidden: "portForbidden"
    case .notOurAddress: "notOurAddress"
    case .noJoinToken: "noJoinToken"
    case .journal(let code, _, _): code
    case .ownController: "ownController"
    case .plainLogin: "plainLogin"
    case .unknownController: "unknownController"
    }
  }

  var message: String {
    switch self {
    case .silent: ""
    case .timedOut(let seconds): "not done within \(Timestamps.length(seconds: seconds))"
    case .unreadableFile(let path): "\(path) cannot be read"
    case .wrongJob(let file, let errors), .wrongPolicy(let file, let errors): errors.message(file: file)
    case .fileExists(let path): "\(path) exists"
    case .wrongInput(let problems), .wrongEfficiency(let problems): problems
    case .journalExists(let path): "\(path) holds a journal"
    case .wrongTime(let text): "\(text) is no length of time"
    case .wrongVariable(let text): "\(text) is no variable"
    case .notConfirmed(let node): "fencing \(node) gives its devices away although it may still run something"
    case .noSuchRank(let rank, let job, _): "job \(job) has no rank \(rank)"
    case .noSuchTask(let index, let array): "array \(array) has no task \(index)"
    case .notAMessage(let text): "\(text) is no message"
    case .messageTooLong(let bytes, _): "the message has \(bytes) bytes"
    case .cannotServe(let reason): reason
    case .portBusy(let host, let port): "port \(port) on \(host) is in use"
    case .portForbidden(let host, let port): "port \(port) on \(host) is not ours to use"
    case .notOurAddress(let host): "--listen: no interface of this machine has the address \(host)"
    case .noJoinToken: "this is no join token; nothing was sent"
    case .journal(_, let problem, _): problem
    case .noRecording(let path): "there is no file \(path)"
    case .wrongRecording(let file, let problem): "\(file): \(problem)"
    case .noJournal(let path): "there is no journal at \(path)"
    case .beyondJournal(let asked, let last): "fact \(asked) was asked for, the journal ends at \(last)"
    case .unwritableFile(let path, let reason): "\(path) cannot be written: \(reason)"
    case .ownController(let folder): "\(folder) is the folder of a controller itself"
    case .plainLogin(let address): "\(address) would send the token in the clear"
    case .unknownController(let fingerprint): "nothing proves who the controller is (its fingerprint is \(fingerprint))"
    case .notifyUnreachable(let path, let reason): "MUSTER_NOTIFY_SOCKET \(path) cannot be reached: \(reason)"
    }
  }

  var remedy: String {
    switch self {
    case .silent, .wrongJob, .wrongPolicy, .wrongEfficiency, .wrongInput, .cannotServe: ""
    case .journalExists: "name a folder that is empty or does not exist: a simulation begins with the first fact"
    case .portBusy: "`--listen 127.0.0.1:0` takes a free port; `ss -ltnp` shows who has this one"
    case .portForbidden: "take a port above 1023"
    case .notOurAddress: "`ip address` shows those that it has; 0.0.0.0 is all of them"
    case .noJoinToken: "`muster token create` on the controller prints one: it begins with \"muster1.\""
    case .journal(_, _, let remedy): remedy
    case .noRecording: "check the name; `-` reads from standard input"
    case .wrongRecording(_, let problem): problem.remedy
    case .noJournal: "name a controller's data folder, or the journal.sqlite in one"
    case .beyondJournal(_, let last): "give --until \(last) or less, or leave it out for all"
    case .unwritableFile: "make its folder first, or name a file in a folder that is yours; `-` is standard output"
    case .ownController: "commands on that machine find it by themselves; name another folder with --data"
    case .plainLogin: "use https:// and run the controller with --tls"
    case .unknownController: "give --ca FILE (a copy of the controller's DIR/ca.pem) or --fingerprint HEX"
    case .timedOut: "it goes on; wait again, or with a longer --timeout"
    case .unreadableFile: "check the name and the rights; `-` reads from standard input"
    case .fileExists: "give another name, or --force to write over it"
    case .wrongTime: "write it with a unit, e.g. 90s, 15m or 1h30m; a bare number counts seconds"
    case .wrongVariable: "write it as NAME=value"
    case .notConfirmed: "make sure that the machine is off or its processes are gone, then add --confirm-dead"
    case .noSuchRank(_, _, let worldSize): "its ranks are 0 to \(worldSize - 1)"
    case .noSuchTask(_, let array): "`muster jobs` lists its tasks, each as \(array)_INDEX"
    case .notAMessage: "write it as NAME=value, e.g. STEP=120, CHECKPOINT=100, READY=1, STATUS=evaluating"
    case .messageTooLong(_, let limit): "say it in at most \(limit) bytes"
    case .notifyUnreachable: "it lives as long as the rank: was the job's environment passed on?"
    }
  }
}
