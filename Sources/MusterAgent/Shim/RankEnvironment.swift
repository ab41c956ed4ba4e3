import MusterCore
import MusterProtocol

/// The environment of a rank: a clean base, what the job declares, then what Muster says, which the job cannot override.
/// The `SLURM_*` names are those that PyTorch, JAX and MPI launchers read, so that an unmodified script runs.
struct RankEnvironment {
  var input: ShimInput
  var masterAddress: String
  var masterPort: Int32
  /// Of the running program: `muster notify` is found there.
  var programFolder: String

  static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// `NAME=value`, sorted by name.
  func variables(localRank: Int32, noticeSocket: String) -> [String] {
    let launch = input.launch
    var all: [String: String] = [
      "PATH": searchPath, "HOME": input.home, "USER": input.user, "LOGNAME": input.user, "LANG": "C.UTF-8",
    ]
    for variable in launch.environment { all[variable.name] = variable.value }
    if launch.environment.contains(where: { $0.name == "PATH" }) { all["PATH"] = searchPath }
    let rank = launch.firstRank - launch.roleRank + localRank
    let nodeRank = launch.member.index - launch.roleMember
    let job = "\(launch.member.attempt.job)"
    let attempt = "\(launch.member.attempt.number)"
    for (name, value) in [
      ("RANK", "\(rank)"), ("WORLD_SIZE", "\(launch.worldSize)"), ("LOCAL_RANK", "\(localRank)"),
      ("LOCAL_WORLD_SIZE", "\(launch.ranks)"), ("NODE_RANK", "\(nodeRank)"), ("GROUP_RANK", "\(nodeRank)"),
      ("MASTER_ADDR", masterAddress), ("MASTER_PORT", "\(masterPort)"), ("MUSTER_JOB_ID", job),
      ("MUSTER_ATTEMPT", attempt), ("MUSTER_RESUME_STEP", "\(launch.resumeStep)"),
      ("MUSTER_NOTIFY_SOCKET", noticeSocket), ("MUSTER_ROLE", launch.role),
      ("SLURM_JOB_ID", job), ("SLURM_JOBID", job), ("SLURM_JOB_NAME", launch.jobName),
      ("SLURM_NTASKS", "\(launch.worldSize)"), ("SLURM_NPROCS", "\(launch.worldSize)"), ("SLURM_PROCID", "\(rank)"),
      ("SLURM_LOCALID", "\(localRank)"), ("SLURM_NODEID", "\(nodeRank)"), ("SLURM_NNODES", "\(launch.memberCount)"),
      ("SLURM_JOB_NUM_NODES", "\(launch.memberCount)"), ("SLURM_JOB_NODELIST", launch.nodeList),
      ("SLURM_NODELIST", launch.nodeList), ("SLURM_STEP_NODELIST", launch.nodeList),
      ("SLURM_NTASKS_PER_NODE", "\(launch.ranks)"),
      ("SLURM_TASKS_PER_NODE", launch.memberCount > 1 ? "\(launch.ranks)(x\(launch.memberCount))" : "\(launch.ranks)"),
      ("SLURM_RESTART_COUNT", "\(launch.member.attempt.number - 1)"), ("SLURMD_NODENAME", input.node),
      ("SLURM_SUBMIT_DIR", launch.workingDirectory), ("SLURM_LAUNCH_NODE_IPADDR", masterAddress),
    ] { all[name] = value }
    if let array = launch.array {
      for (name, value) in [
        ("MUSTER_ARRAY_ID", "\(array.array)"), ("MUSTER_ARRAY_INDEX", "\(array.index)"),
        ("SLURM_ARRAY_JOB_ID", "\(array.array)"), ("SLURM_ARRAY_TASK_ID", "\(array.index)"),
        ("SLURM_ARRAY_TASK_COUNT", "\(array.count)"),
      ] { all[name] = value }
    }
    if launch.cpus > 0 { all["SLURM_CPUS_PER_TASK"] = "\(max(1, launch.cpus / max(1, launch.ranks)))" }
    if !launch.devices.isEmpty {
      // All of the member's devices: LOCAL_RANK chooses, as launchers expect.
      all["CUDA_VISIBLE_DEVICES"] = launch.devices.map { "\($0)" }.joined(separator: ",")
    }
    return all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  var searchPath: String {
    let declared = input.launch.environment.first { $0.name == "PATH" }?.value ?? Self.path
    return declared.split(separator: ":").contains { $0 == programFolder } ? declared : "\(declared):\(programFolder)"
  }
}
