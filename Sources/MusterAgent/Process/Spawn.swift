import CMuster
import Glibc

/// A process that we started, with the descriptor that tells of its end.
package struct Spawned {
  package var pid: Int32
  package var pidfd: Int32
}

/// What a new process gets, and nothing else: every other descriptor is closed.
package struct SpawnRequest {
  package var path: String
  package var arguments: [String]
  package var environment: [String]
  package var directory: String?
  package var standardInput: Int32 = -1
  package var standardOutput: Int32
  package var standardError: Int32
  package var flags: Int32
  package var cgroupProcs: String?

  package init(
    path: String, arguments: [String], environment: [String], directory: String? = nil, standardInput: Int32 = -1,
    standardOutput: Int32, standardError: Int32, flags: Int32, cgroupProcs: String? = nil
  ) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.standardInput = standardInput
    self.standardOutput = standardOutput
    self.standardError = standardError
    self.flags = flags
    self.cgroupProcs = cgroupProcs
  }
}

package struct SpawnFailure: Error {
  package enum Stage: Int32, Sendable {
    case clone = 0
    case directory = 1
    case cgroup = 2
    case exec = 3
    case other = 4
  }
  package var stage: Stage
  package var code: Int32
}

package func spawn(_ request: SpawnRequest) throws(SpawnFailure) -> Spawned {
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
