// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6 mode, and names only from modules that the file imports itself. In CI a warning is an error.
let common: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// The release binary carries Swift's libraries in it: it starts in half the time and runs where no Swift is installed.
/// (The four libraries are what Foundation's static archive needs beside itself.)
let selfContained: [LinkerSetting] = [
  .unsafeFlags(
    ["-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections"],
    .when(platforms: [.linux], configuration: .release))
]

/// The core and its hosts in virtual time are always optimised, in tests too: a simulation in a debug build crawls
/// (350 to 650 times slower). Assertions stay on (`-O`, never `-Ounchecked`).
let optimised: [SwiftSetting] = common + [.unsafeFlags(["-O", "-enable-testing"], .when(configuration: .debug))]

let package = Package(
  name: "muster",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "muster", targets: ["muster"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // The pure core: the standard library and nothing else.
    .target(name: "MusterCore", swiftSettings: optimised),
    // What a device does, from its counters: the standard library and nothing else.
    .target(name: "MusterDevices", swiftSettings: optimised),
    // What a job wastes, why, and what to do next: from its accounts and its devices.
    .target(name: "MusterInsight", dependencies: ["MusterDevices"], swiftSettings: optimised),
    // What crosses the wire, and the job file.
    .target(
      name: "MusterProtocol",
      dependencies: ["MusterCore", "MusterDevices", "MusterInsight", .product(name: "Yams", package: "Yams")],
      swiftSettings: optimised),
    // Durable facts.
    .target(
      name: "MusterJournal",
      dependencies: [
        "MusterCore", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: common),
    // What a process says of itself to Prometheus.
    .target(name: "MusterMetrics", swiftSettings: optimised),
    // Certificates, join tokens, and TLS for loops that own their sockets.
    .target(
      name: "MusterTLS",
      dependencies: [
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: common),
    .target(
      name: "MusterServer",
      dependencies: [
        "CPage", "MusterCore", "MusterDevices", "MusterInsight", "MusterProtocol", "MusterJournal", "MusterMetrics",
        "MusterTLS",
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"), .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: common),
    // The page's files; C23 has #embed.
    .target(
      name: "CPage", exclude: ["assets"],
      cSettings: [.unsafeFlags(["-std=c23", "-Wall", "-Wextra", "-Werror", "-Wno-pre-c23-compat"])]),
    // What commands ask a controller with.
    .target(name: "MusterClient", dependencies: ["MusterProtocol", "MusterTLS"], swiftSettings: common),
    // What an agent and a shim decide: values without effects, hosted by MusterAgent and by MusterSim.
    .target(name: "MusterNode", dependencies: ["MusterCore", "MusterProtocol"], swiftSettings: optimised),
    .target(name: "CMuster", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    .target(
      name: "MusterAgent",
      dependencies: [
        "CMuster", "MusterClient", "MusterCore", "MusterMetrics", "MusterNode", "MusterProtocol", "MusterTLS",
      ],
      swiftSettings: common),
    // The core in virtual time.
    .target(
      name: "MusterSim", dependencies: ["MusterCore", "MusterDevices", "MusterNode", "MusterProtocol"],
      swiftSettings: optimised),
    // Where nodes come from.
    .target(name: "MusterEngines", dependencies: ["MusterAgent"], swiftSettings: common),
    .executableTarget(
      name: "muster",
      dependencies: [
        "MusterServer", "MusterAgent", "MusterEngines", "MusterClient", "MusterProtocol", "MusterJournal", "MusterSim",
        "MusterTLS", "MusterCore", "MusterDevices", "MusterInsight",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: common,
      linkerSettings: selfContained),

    // Tests. What they start as processes of its own lies beside them.
    .testTarget(
      name: "MusterProtocolTests", dependencies: ["MusterProtocol", "MusterCore", "MusterInsight"], exclude: ["Golden"],
      swiftSettings: common),
    // What tests are made with: child processes that are waited for with a limit, a controller that says what a test
    // tells it to, on a real socket.
    .target(
      name: "MusterTestKit", dependencies: ["CMuster", "MusterAgent", "MusterMetrics", "MusterNode"],
      path: "Tests/MusterTestKit",
      swiftSettings: common),
    .testTarget(
      name: "MusterClientTests", dependencies: ["MusterClient", "MusterProtocol", "MusterTestKit"],
      swiftSettings: common),
    .testTarget(
      name: "MusterCommandTests",
      dependencies: [
        "muster", "MusterClient", "MusterCore", "MusterProtocol", "MusterTestKit",
        .product(name: "Logging", package: "swift-log"),
      ],
      exclude: ["Golden"], swiftSettings: common),
    .testTarget(
      name: "MusterAgentTests",
      dependencies: [
        "CMuster", "MusterAgent", "MusterMetrics", "MusterNode", "MusterProtocol", "MusterCore", "MusterTestKit",
      ],
      swiftSettings: common),
    .testTarget(
      name: "MusterTLSTests",
      dependencies: [
        "MusterTLS", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: common),
    .testTarget(
      name: "MusterNodeTests", dependencies: ["MusterNode", "MusterProtocol", "MusterCore"], swiftSettings: common),
    .testTarget(name: "TidyTests", swiftSettings: common),
    .testTarget(name: "MusterMetricsTests", dependencies: ["MusterMetrics"], swiftSettings: common),
    .testTarget(name: "MusterDevicesTests", dependencies: ["MusterDevices"], swiftSettings: common),
    .testTarget(
      name: "MusterInsightTests", dependencies: ["MusterInsight", "MusterDevices"], swiftSettings: common),
    .testTarget(name: "MusterCoreTests", dependencies: ["MusterCore"], swiftSettings: common),
    .testTarget(
      name: "MusterSimTests", dependencies: ["MusterSim", "MusterCore", "MusterDevices", "MusterProtocol"],
      swiftSettings: common),
    .testTarget(
      name: "MusterServerTests",
      dependencies: [
        "MusterServer", "MusterSim", "MusterJournal", "MusterMetrics", "MusterCore", "MusterDevices", "MusterInsight",
        "MusterProtocol", "MusterTestKit",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: common),
    .executableTarget(
      name: "MusterJournalAppender", dependencies: ["MusterJournal"], path: "Tests/MusterJournalAppender",
      swiftSettings: common),
    .testTarget(
      name: "MusterJournalTests",
      dependencies: [
        "MusterJournal", "MusterJournalAppender", "MusterTestKit", .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: common),
  ]
)
