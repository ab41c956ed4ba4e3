import MusterCore
import MusterProtocol

extension FleetCounts {
  /// - Parameter level: only its domains; nil is all, each followed by those within it.
  func json(level only: Int?) -> JSON {
    [
      "levels": .array(levels.map { .string($0) }),
      "domains": .array(domains.filter { only == nil || $0.level == only }.map(json)),
      "places": .array(
        places.map { ["level": .string(levels[$0.level]), "nodes": JSON($0.nodes), "count": JSON($0.count)] }),
    ]
  }

  private func json(_ domain: Domain) -> JSON {
    [
      "level": .string(levels[domain.level]), "name": .string(domain.name), "path": .string(domain.path),
      "nodes": JSON(domain.nodes), "free": JSON(domain.free), "spare": JSON(domain.spare),
      "busy": JSON(domain.busy), "held": JSON(domain.held),
      "maintenance": JSON(domain.maintenance), "outOfService": JSON(domain.outOfService),
      "suspect": JSON(domain.suspect), "isolated": JSON(domain.isolated), "devices": .int(domain.devices),
      "devicesInUse": .int(domain.devicesInUse),
    ]
  }
}
