/// Every bound that the classifier lives by. Shares are 0...1; what is "of busy time" is divided by the part of the
/// time in which something runs, so that a device that works a fifth of the time is judged by what it does in that
/// fifth.
///
/// Pairs are (to enter, to stay): a state is left later than it is entered, so that noise does not flicker.
public struct DeviceThresholds: Sendable {
  // MARK: Time, seconds

  /// Means are taken over this. Some ten steps of a training loop that waits 0.25 s a step.
  public var window = 3.0
  /// At slow sampling the window grows to hold this many samples, up to `longestWindow`.
  public var windowSamples = 3
  public var longestWindow = 10.0
  /// A new state must be read for so long, and for longer than the window: what is read while the window holds both
  /// sides of a change lasts no longer than the window, and is never told.
  public var hold = 3.0
  /// ... or every sample on its own must say the same as the window for so long, and for so many samples: a steady
  /// state is certain sooner than one that alternates.
  public var steadyHold = 4.0
  public var steadySamples = 4
  /// A kernel must spin for so long before it is a hang. A collective that waits for a slow peer for a shorter time
  /// is none.
  public var hang = 6.0
  /// No sample for so long, and for four intervals: nothing is known of that time.
  public var silence = 10.0
  /// A process that holds memory for so long and never ran a kernel is idle, not starting. Source: job_defense_shield
  /// first warns of a GPU that was never used after 60 minutes.
  public var longestStart = 3600.0

  // MARK: Parts of the time

  /// Below the first a busy device becomes idle, from the second on an idle one becomes busy.
  public var idleBelow = (busy: 0.02, idle: 0.04)
  /// Below this kernels are waited for. Source: jobstats calls a mean of 50 % the target and 25 % low; half of the time
  /// lost is not work.
  public var starvedBelow = (enter: 0.45, stay: 0.55)
  /// Memory-bound work that runs less than this is starved, too. Lower, because a chain of short kernels has gaps
  /// between them: a decode of batch 1 ran 46 to 64 % of the time on an H100.
  public var memoryBusy = (enter: 0.4, stay: 0.3)
  /// A kernel that spins never ends: busy all the time, or nearly, with counters that are 5 % off.
  public var hungBusy = (enter: 0.9, stay: 0.8)

  // MARK: Parts of busy time

  /// Memory and arithmetic below this do nothing. Measured on an H100: a hang and tiny kernels 0.0 %, a decode 63 %.
  public var quiet = 0.03
  /// The integer pipe, over SM activity, above this computes. A loop that polls an address: 11 %.
  public var integerWork = 0.3
  /// Fewer SMs than this in use while busy: kernels that do not fill the device.
  public var smallKernel = 0.25
  /// What counts as nothing in a stream of small kernels that touches memory and computes a little.
  public var smallKernelMemory = 0.2
  public var smallKernelArithmetic = 0.1
  /// Memory-bound from this DRAM activity on. A stream of bytes reaches 90 % (measured: 3.01 of 3.35 TB/s), a decode
  /// that is interrupted by launches 63 %.
  public var memoryBound = (enter: 0.4, stay: 0.33)
  /// ... if no pipe that computes is busier than this part of DRAM activity. Training of a small model has 80 %, a
  /// large matrix product more than 300 %, a decode of batch 1 under 3 %.
  public var arithmeticOverMemory = (enter: 0.4, stay: 0.5)
  /// DRAM or memory utilisation that is memory-bound whatever else is not known.
  public var surelyMemory = 0.75

  // MARK: Power, relative to the part

  /// Idle floor over the power limit, where no idle sample was seen. Measured: 74 of 700 W (H100 SXM).
  public var idleShare = 0.106
  /// Power with a context at full clock and nothing running, over the idle floor. Measured: 128 over 74 W is 1.73.
  public var contextOverIdle = 1.8
  /// Power limit over the idle floor where no limit is known. Measured: 700 over 74 W is 9.5 (H100 SXM).
  public var limitOverIdle = 9.0
  /// A spinning kernel stays below the context's floor and this part of the range from floor to limit. Measured: 127 W.
  public var spinPower = 0.15
  /// Tiny kernels, where there is nothing but power to judge by. Measured: 128 W; a starved training run 238 W.
  public var tinyKernelPower = 0.05
  /// Counters that are all 0 although power is above the context's floor and this part of the range are dark. A public
  /// rule takes 100 W, which an H100 draws for nothing.
  public var darkPower = 0.1
  /// ... or although the driver says that kernels were resident for this part of the time.
  public var darkUtilisation = 0.1
  /// Counters of nearly nothing are dark where utilisation and power (of the range) are both above this.
  public var darkWork = 0.5
  /// A window is judged by its samples that are not dark if they are this part of it, and two at the least (one of one).
  public static let liveShare = 0.25

  static func isEnough(live: Int, of count: Int) -> Bool {
    live >= min(count, 2) && Double(live) >= liveShare * Double(count)
  }

  /// Above this part of the range, without other counters, the device works.
  public var workPower = 0.5
  /// Memory-bound work without other counters draws less than this part of the limit. Measured: 394 of 700 W.
  public var memoryPower = 0.75

  /// Held down by the power cap is a clock below this part of the highest one. Measured: 0.69 and 0.93 under load at
  /// the limit, 0.994 where the cap's bit is set and mean power is a third of the limit.
  public var cappedClock = 0.97
  /// ... and a mean power above this part of the limit; or above `cappedPowerAlone`, where the device does not tell.
  public var cappedPower = 0.9
  public var cappedPowerAlone = 0.97

  // MARK: Memory, bytes

  /// So much more than the least that was seen is a context. Measured: one that holds nothing else takes 0.5 GiB.
  public var contextMemory = 200.0 * 1_048_576

  public init() {}
}
