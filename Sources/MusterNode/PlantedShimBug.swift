/// Test-only: bugs that the hostile harness puts into a shim on purpose, to prove that it would find them. Nobody else
/// sets `ShimMachine.planted`.
package enum PlantedShimBug: Sendable {
  case leaseNeverChecked, leaseFromReceipt, warnsAgain
}
