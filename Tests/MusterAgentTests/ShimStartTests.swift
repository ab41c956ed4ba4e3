import CMuster
import Foundation
import MusterCore
import MusterProtocol
import MusterTestKit
import Testing

@testable import MusterAgent

@Suite struct ShimStartTests {
  /// Starts a program of the test's as the shim of a member with a large launch.
  private func start(_ script: String, in folder: TestFolder) throws -> (shim: Spawned, run: RunFolder) {
    try folder.write("#!/bin/sh\n" + script, to: "shim")
    chmod(folder.path + "/shim", 0o700)
    let member = MemberID(attempt: AttemptID(job: JobID(1), number: 1), index: 0)
    let launch = MemberLaunch(
      member: member, memberCount: 1, role: "main", firstRank: 0, ranks: 1, worldSize: 1, devices: [], nodeList: "n",
      jobName: "j", user: "u", project: "p", command: ["true"],
      environment: [EnvironmentVariable(name: "LARGE", value: String(repeating: "x", count: 200_000))],
      workingDirectory: "/", memoryBytes: 0, cpus: 0, resumeStep: 0, logLimitBytes: 1 << 20, lease: .seconds(30))
    let options = AgentOptions(
      addresses: LinkAddresses(join: []), credentials: .token("t"), name: "n", devices: 0, dataFolder: folder.path,
      executable: folder.path + "/shim")
    let run = RunFolder(member, in: folder.path)
    let shim = try ShimStart(
      options: options, dialFirst: nil, machine: Machine(name: "n", dataFolder: folder.path, bootID: "b"),
      launch: launch, folder: run,
      flags: Int32(MUSTER_SPAWN_SESSION), address: "127.0.0.1"
    ).run()
    return (shim, run)
  }

  private func end(_ shim: Spawned) {
    muster_pidfd_signal(shim.pidfd, SIGKILL)
    waitpid(shim.pid, nil, 0)
    close(shim.pidfd)
  }

  @Test(
    "a shim that dies before it has read its launch, or never reads it, holds its agent up in nothing",
    .timeLimit(.minutes(1)), arguments: ["exit 3", "exec sleep 100"])
  func neverRead(script: String) throws {
    let folder = try TestFolder()
    let (shim, run) = try start(script, in: folder)
    #expect(run.shim == nil || run.shim?.pid == shim.pid)
    end(shim)
  }

  @Test("a launch larger than a pipe arrives whole", .timeLimit(.minutes(1)))
  func whole() throws {
    let folder = try TestFolder()
    let (shim, _) = try start(
      "cat > \(folder.path)/got.new\nmv \(folder.path)/got.new \(folder.path)/got\n", in: folder)
    waitpid(shim.pid, nil, 0)
    close(shim.pidfd)
    let text = try #require(readSmallFile(folder.path + "/got"))
    #expect(try ShimInput(json: JSON.parse(text)).launch.environment.first?.value.count == 200_000)
  }
}
