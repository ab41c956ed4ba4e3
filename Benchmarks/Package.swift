// swift-tools-version: 6.2
import PackageDescription

/// Drives the release binary as a user would. A package of its own, without dependencies: nothing here can lean on
/// what it measures.
let package = Package(
  name: "muster-bench",
  targets: [
    .target(name: "CLinux"),
    .executableTarget(name: "muster-bench", dependencies: ["CLinux"], swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
