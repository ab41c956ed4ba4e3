// swift-tools-version: 6.2
import PackageDescription

// The core alone, by a link to its sources: it imports nothing, so its benchmark builds in seconds.
let package = Package(
  name: "core-bench",
  targets: [
    .target(name: "MusterCore", swiftSettings: [.swiftLanguageMode(.v6)]),
    // Counts allocations by standing in for malloc.
    .target(name: "CCount"),
    .executableTarget(
      name: "core-bench", dependencies: ["MusterCore", "CCount"],
      swiftSettings: [.swiftLanguageMode(.v6), .defaultIsolation(MainActor.self)]),
    .executableTarget(
      name: "ledger-bench", dependencies: ["MusterCore", "CCount"],
      swiftSettings: [.swiftLanguageMode(.v6), .defaultIsolation(MainActor.self)]),
    .executableTarget(
      name: "planner-bench", dependencies: ["MusterCore"],
      swiftSettings: [.swiftLanguageMode(.v6), .defaultIsolation(MainActor.self)]),
  ]
)
