import Hummingbird
import MusterCore
import MusterProtocol

extension API {
  func policy() async throws -> Response {
    Response(
      json: try await perform(.reads) { (state, _) throws(APIError) in
        PolicyPart(state.controller.cluster.policy).json
      })
  }

  /// `PUT /v1/policy`: what the body mentions takes the place of what was declared, in one step with the merge: nothing is
  /// lost between two who apply at once. With `dryRun=true` it only says what would change.
  func apply(_ request: Request) async throws -> Response {
    let isDryRun = try API.flag(request, "dryRun")
    let part: PolicyPart
    switch PolicyPart.parse(json: try await json(request)) {
    case .success(let parsed): part = parsed
    case .failure(let errors):
      let count = errors.problems.count
      throw APIError(
        status: .badRequest, code: "invalidPolicy",
        message: "\(count == 1 ? "1 problem" : "\(count) problems"); nothing was changed",
        remedy: "`problems` names each field, its value and what is allowed",
        problems: errors.problems.prefix(100).map(\.json))
    }
    return Response(
      json: try await perform(.orders) { (state, _) throws(APIError) in
        let old = state.controller.cluster.policy
        let new = part.merged(into: old)
        if !isDryRun, case .refused(let refusal) = state.handle(.applyPolicy(new), from: .orders) {
          throw APIError(refusal)
        }
        return [
          "dryRun": .bool(isDryRun), "changes": .array(PolicyChange.between(old, new).map(\.json)),
          "warnings": .array(state.controller.warnings(about: new, instead: old).map { .string($0) }),
        ]
      })
  }

  static func flag(_ request: Request, _ name: String) throws(APIError) -> Bool {
    switch request.uri.queryParameters[Substring(name)] {
    case nil, "false", "0": return false
    case "true", "1": return true
    case .some(let text): throw .invalid(name, String(text), "true or false")
    }
  }

  func quota() async throws -> Response {
    let counted = try await perform(.reads) { (state, _) throws(APIError) in
      CountedUse(use: state.controller.deviceUse(), policy: state.controller.cluster.policy)
    }
    return Response(json: QuotaUse(counted.use).json(counted.policy))
  }

  /// Counted by the writer; the answer is made beside it.
  private struct CountedUse: Sendable {
    var use: DeviceUse
    var policy: Policy
  }
}

extension Controller {
  /// Where what runs now is more than the new policy guarantees. It is allowed, and runs on as borrowed.
  mutating func warnings(about new: Policy, instead old: Policy) -> [String] {
    let use = QuotaUse(deviceUse())
    var warnings: [String] = []
    for project in new.projects {
      let before = old.projects.first { $0.name == project.name }
      for quota in project.quotas where before?.quotas.contains(quota) != true {
        let used = use.devices(of: project.name, type: quota.deviceType, in: new)
        let most = quota.borrowLimit.map { Int64(quota.guaranteed) + Int64($0) }
        let type = quota.deviceType.isEmpty ? "" : "\(quota.deviceType) "
        if let most, used > most {
          warnings.append(
            "project \(project.name) uses \(used) \(type)devices, more than the \(most) that it may use: they run on, and none is added"
          )
        } else if used > Int64(quota.guaranteed) {
          warnings.append(
            "project \(project.name) uses \(used) \(type)devices, of which \(quota.guaranteed) are guaranteed to it: the rest is borrowed"
          )
        }
      }
    }
    return warnings
  }
}
