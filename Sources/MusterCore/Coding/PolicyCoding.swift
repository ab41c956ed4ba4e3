extension ByteWriter {
  mutating func put(_ policy: Policy) {
    put(policy.topology.levels) { $0.put($1) }
    put(policy.topology.places) {
      $0.put($1.domains) { $0.put($1) }
      $0.put($1.nodes)
      $0.put($1.spares)
    }
    put(policy.projects) { $0.put($1) }
    put(policy.priorities) {
      $0.put($1.name)
      $0.put($1.value)
      $0.put($1.preempts)
    }
  }

  private mutating func put(_ project: ProjectPolicy) {
    put(project.name)
    put(project.parent)
    put(project.quotas) {
      $0.put($1.deviceType)
      $0.put($1.guaranteed)
      $0.put($1.borrowLimit) { $0.put($1) }
      $0.put($1.lendLimit) { $0.put($1) }
    }
    put(project.weight)
    put(project.limits)
    put(project.userLimits)
  }

  private mutating func put(_ limits: UseLimits) {
    put(limits.runningJobs) { $0.put($1) }
    put(limits.devices) { $0.put($1) }
    put(limits.walltime) { $0.put($1) }
  }

  mutating func put(_ maintenance: Maintenance) {
    put(maintenance.id)
    put(maintenance.from)
    put(maintenance.to)
    put(maintenance.nodes)
    put(maintenance.level)
    put(maintenance.domain)
    put(maintenance.reason)
  }
}

extension ByteReader {
  mutating func policy() throws(CodingError) -> Policy {
    var policy = Policy()
    policy.topology.levels = try array { (r) throws(CodingError) in try r.string() }
    policy.topology.places = try array { (r) throws(CodingError) in
      NodePlaces(
        domains: try r.array { (r) throws(CodingError) in try r.string() }, nodes: try r.string(),
        spares: try r.int32())
    }
    policy.projects = try array { (r) throws(CodingError) in try r.project() }
    policy.priorities = try array { (r) throws(CodingError) in
      PriorityClass(name: try r.string(), value: try r.int32(), preempts: try r.bool())
    }
    return policy
  }

  private mutating func project() throws(CodingError) -> ProjectPolicy {
    ProjectPolicy(
      name: try string(), parent: try string(),
      quotas: try array { (r) throws(CodingError) in
        DeviceQuota(
          deviceType: try r.string(), guaranteed: try r.int32(),
          borrowLimit: try r.optional { (r) throws(CodingError) in try r.int32() },
          lendLimit: try r.optional { (r) throws(CodingError) in try r.int32() })
      }, weight: try int32(), limits: try useLimits(), userLimits: try useLimits())
  }

  private mutating func useLimits() throws(CodingError) -> UseLimits {
    UseLimits(
      runningJobs: try optional { (r) throws(CodingError) in try r.int32() },
      devices: try optional { (r) throws(CodingError) in try r.int32() },
      walltime: try optional { (r) throws(CodingError) in try r.span() })
  }

  mutating func maintenance() throws(CodingError) -> Maintenance {
    Maintenance(
      id: try int(), from: try instant(), to: try instant(), nodes: try string(), level: try string(),
      domain: try string(), reason: try string())
  }
}
