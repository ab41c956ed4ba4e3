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

    """
}
