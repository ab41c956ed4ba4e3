import MusterCore

/// One line of what a round is given, for schedulers that take it elsewhere (`Benchmarks/slurm.py`): what runs, then what
/// waits in its order. Quotas are left out.
func printPending(_ shape: FleetShape, _ count: Int) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  var workload = Workload(seed: 5, shape)
  let view = workload.busyView(topology)
  print("state,nodes,devices_per_node,segment,within,seconds,project")
  for gang in view.running {
    let (nodes, devices): (Int32, Int32) =
      switch gang.place {
      case .whole(let places): (places.reduce(0) { $0 + $1.nodes }, shape.devices)
      case .part(_, let devices), .away(_, let devices): (1, devices)
      }
    print("running,\(nodes),\(devices),1,,\((gang.end - view.now).milliseconds / 1000),\(gang.project)")
  }
  for gang in workload.gangs(count) {
    let within = gang.within.map { topology.levels[$0.level] } ?? ""
    let seconds = gang.walltime.map { "\($0.milliseconds / 1000)" } ?? ""
    print(
      "pending,\(gang.nodes),\(gang.devicesPerNode),\(gang.segment),\(within),\(seconds),\(gang.project)")
  }
}
