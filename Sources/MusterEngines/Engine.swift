/// Where nodes come from. What an engine knows of a node's death is proof, faster than any silence.
public protocol EngineListener: Sendable {
  /// All processes of the node are gone.
  func nodeDied(_ name: String, evidence: String)
  /// Whether the controller counts on something running there.
  func hasMembers(_ name: String) async throws -> Bool
  /// Nodes that are not to be started anew until a person resumes them.
  func isolatedNodes() async throws -> Set<String>
}
