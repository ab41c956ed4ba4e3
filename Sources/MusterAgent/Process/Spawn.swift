import CMuster
import Glibc

/// A process that we started, with the descriptor that tells of its end.
struct Spawned {
  var pid: Int32
  var pidfd: Int32
}

/// What a new process gets, and nothing else: every other descriptor is closed.
struct SpawnRequest {
  var path: String
  var arguments: [String]
  var environment: [String]
  var directory: String?
  var standardInput: Int32 = -1
  var standardOutput: Int32
  var standardError: Int32
  var flags: Int32
  var cgroupProcs: String?
}

struct SpawnFailure: Error {
  enum Stage: Int32 {
    case clone = 0
    case directory = 1
    case cgroup = 2
    case exec = 3
    case other = 4
  }
  var stage: Stage
  var code: Int32
}

func spawn(_ request: SpawnRequest) throws(SpawnFailure) -> Spawned {
  var arguments = request.arguments.map { strdup($0) } + [nil]
  var environment = request.environment.map { strdup($0) } + [nil]
  defer {
    for pointer in arguments + environment { free(pointer) }
  }
  let path = strdup(request.path)
  let directory = request.directory.map { strdup($0) } ?? nil
  let procs = request.cgroupProcs.map { strdup($0) } ?? nil
  defer {
    free(path)
    free(directory)
    free(procs)
  }
  var pidfd: Int32 = -1
  var stage: Int32 = 0
  let pid = arguments.withUnsafeMutableBufferPointer { arguments in
    environment.withUnsafeMutableBufferPointer { environment in
      var spawn = muster_spawn_t()
      spawn.path = UnsafePointer(path)
      spawn.arguments = UnsafePointer(arguments.baseAddress)
      spawn.environment = UnsafePointer(environment.baseAddress)
      spawn.directory = UnsafePointer(directory)
      spawn.standard_input = request.standardInput
      spawn.standard_output = request.standardOutput
      spawn.standard_error = request.standardError
      spawn.flags = request.flags
      spawn.cgroup_procs = UnsafePointer(procs)
      return muster_spawn(&spawn, &pidfd, &stage)
    }
  }
  guard pid >= 0 else { throw SpawnFailure(stage: SpawnFailure.Stage(rawValue: stage) ?? .other, code: errno) }
  return Spawned(pid: pid, pidfd: pidfd)
}

/// How a process ended.
struct ExitStatus: Hashable {
  var code: Int32
  /// 0 if it was not a signal.
  var signal: Int32

  init(wait status: Int32) {
    let number = status & 0x7f
    signal = number
    code = number == 0 ? (status >> 8) & 0xff : 0
  }
}
