extension ByteWriter {
  mutating func put(_ role: RoleSpec) {
    put(role.name)
    put(role.nodes)
    put(role.devicesPerNode)
    put(role.ranksPerNode)
    put(role.cpus)
    put(role.memoryBytes)
    put(role.command) { $0.put($1) }
    put(role.environment) { writer, variable in
      writer.put(variable.name)
      writer.put(variable.value)
    }
    put(role.workingDirectory)
  }

  mutating func putRoles(_ roles: [FurtherRole]) {
    put(roles) {
      $0.put($1.role)
      $0.put($1.wishes)
    }
  }
}

extension ByteReader {
  mutating func role() throws(CodingError) -> RoleSpec {
    let (roleName, nodes, devices, ranks) = (try string(), try int32(), try int32(), try int32())
    let (cpus, memory) = (try int32(), try int())
    let command = try array { (r) throws(CodingError) in try r.string() }
    let environment = try array { (r) throws(CodingError) in
      EnvironmentVariable(name: try r.string(), value: try r.string())
    }
    return RoleSpec(
      name: roleName, nodes: nodes, devicesPerNode: devices, ranksPerNode: ranks, cpus: cpus, memoryBytes: memory,
      command: command, environment: environment, workingDirectory: try string())
  }

  mutating func furtherRoles() throws(CodingError) -> [FurtherRole] {
    try array { (r) throws(CodingError) in FurtherRole(role: try r.role(), wishes: try r.wishes()) }
  }
}
