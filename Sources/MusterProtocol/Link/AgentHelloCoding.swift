import MusterCore

extension AgentHello {
  var json: JSON {
    let fields: JSON = [
      "t": "hello", "v": .int(version), "role": "agent", "node": .string(node), "machine": .string(machine),
      "boot": .string(boot), "devices": JSON(devices), "deviceType": .string(deviceType), "cpus": JSON(cpus),
      "memoryBytes": .int(memoryBytes), "address": .string(address), "pid": JSON(pid), "epoch": .int(epoch),
    ]
    // Absent where there are none: controllers of older versions know no such field.
    guard !labels.isEmpty, let members = fields.objectValue else { return fields }
    let told = labels.map { JSON.Member(name: $0.key, value: .string($0.value)) }
    return .object(members + [.init(name: "labels", value: .object(told))])
  }

  init(json: JSON) throws(LinkError) {
    self.init(
      version: try json.number("v"), node: try json.text("node"), machine: try json.text("machine"),
      boot: try json.text("boot"), devices: try json.int32("devices"),
      deviceType: json["deviceType"]?.stringValue ?? "", cpus: try json.int32("cpus"),
      memoryBytes: try json.number("memoryBytes"), address: try json.text("address"), pid: try json.int32("pid"),
      epoch: json["epoch"]?.intValue ?? 0, labels: try Self.labels(json["labels"]))
  }

  /// Whoever holds a node's key can say anything: what is no label is refused.
  private static func labels(_ json: JSON?) throws(LinkError) -> [Label] {
    guard let json else { return [] }
    guard let members = json.objectValue, members.count <= LabelText.most else { throw LinkError(field: "labels") }
    var labels: [Label] = []
    for member in members {
      guard let value = member.value.stringValue, LabelText.isKey(member.name), LabelText.isValue(value),
        !labels.contains(where: { $0.key == member.name })
      else { throw LinkError(field: "labels") }
      labels.append(Label(key: member.name, value: value))
    }
    return labels.sorted { $0.key < $1.key }
  }
}
