extension JobFile {
  /// A job file to start from, with every field explained. It is a valid job as it stands.
  public static let sample = """
    # A job for Muster. Submit it with: muster submit job.yaml
    # Only `command` is required; what is behind a # shows a default or an example.

    name: train
    # project: default
    # priority: 0              # higher first

    # The gang: nodes that start together, all or none.
    gang:
      nodes: 1
      # devicesPerNode: 0      # GPUs of each node that only this job uses
      # ranksPerNode: 1        # processes on each node; one for each device if there are devices
      # cpus: 4                # cores of each node
      # memory: 16GiB          # of each node; above it the kernel kills

    # Program and arguments, started once for each rank. Every rank finds RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and
    # MASTER_PORT in its environment, and MUSTER_RESUME_STEP: the step to resume from.
    command: [python3, train.py]

    # environment:
    #   OMP_NUM_THREADS: 1
    # workingDirectory: /home/me/train   # where you submit, if not said

    # Where and when. Nothing of it is needed; docs/job-file.md has all of it.
    # segment: 1               # chunks of so many nodes, each in one rack or scale-up domain
    # within: rack             # all nodes in one domain of a level
    # deviceTypes: [H100, A100]   # best first
    # constraint: [ib=hdr, "!old"]   # labels of the nodes
    # exclude: ["node-[7-9]"]
    # array: "0-15%4"          # one job for each index, four at once; it is in MUSTER_ARRAY_INDEX
    # dependsOn: [afterok:41]  # also after, afterany, afternotok, singleton
    # begin: 2026-12-01T08:00:00Z   # or now+2h
    # warn: {signal: USR1, before: 5m}   # before the walltime is over

    # walltime: 12h            # or "1-12:00:00"; without it a job may run for ever

    # restart:
    #   limit: 3               # times in a row that the job itself may fail with no new step; faults of nodes never count
    #   hangAfter: 10m         # learned from the job's own steps if not said
    #   grace: 1s              # how long the other ranks may take to stop after a fault
    #   fence: auto            # auto, attempt or strict

    # stop:                    # on cancel: the signal, then after `grace` SIGKILL
    #   signal: TERM
    #   grace: 30s

    # checkpoint:
    #   every: 100             # steps between the job's checkpoints, for the report
    # logs:
    #   limit: 64MiB           # of each rank: its beginning and its end are kept

    # What it computes, so that the report can say its MFU.
    # model: {parameters: 8B, layers: 32, hidden: 4096, sequence: 8192, tokensPerStep: 4M}

    """
}
