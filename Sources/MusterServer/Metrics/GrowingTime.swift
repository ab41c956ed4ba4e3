import Synchronization

/// Device time as a counter can tell it. The ledger restates: what was productive becomes redone when a fault throws it
/// away. Prometheus takes a counter that shrinks for one that began anew and adds all of it once more; so an account that
/// shrinks stands still here until it has grown past what was told. The ledger has the exact figures of each day.
final class GrowingTime: Sendable {
  private let told = Mutex<[String: Int64]>([:])

  func shown(_ accounts: [AccountedTime]) -> [AccountedTime] {
    told.withLock { told in
      accounts.map { account in
        let most = max(told[account.account] ?? 0, account.gpuMilliseconds)
        told[account.account] = most
        return AccountedTime(account: account.account, gpuMilliseconds: most)
      }
    }
  }
}
