/// What a field of a job file accepts. Every text that a person reads about a wrong file comes from here.
public enum JobFileRule: Hashable, Sendable {
  case wholeNumber(from: Int64, to: Int64)
  /// One in quotes.
  case bareNumber(from: Int64, to: Int64)
  case priority(from: Int64, to: Int64)
  /// `zero`: whether no time at all is allowed.
  case duration(zero: Bool)
  /// A number with no unit.
  case durationUnit
  /// `1:30:00` without quotes.
  case durationQuotes
  case memory
  case memoryUnit
  /// The least number of bytes, as a person would write it.
  case memoryAtLeast(String)
  case signal
  case fence
  case name
  case user
  case text
  case textNotNumber
  case path
  case directory
  case absolutePath
  case command
  case commandBytes(limit: Int)
  case list
  /// `example`: one such field.
  case mapping(example: String)
  case environmentName
  case environmentReserved
  case environmentEntries(limit: Int)
  case environmentBytes(limit: Int)
  case worldSize(limit: Int64)
  case required(String)
  /// Not a field; `known` are the fields of this place, `nearest` the one that was probably meant.
  case knownField(known: [String], nearest: String?)
  case notYet
  case roles(limit: Int)
  case someRole
  case oneForm
  /// nil: it is not known where it stands first.
  case once(firstLine: Int?)
  case fieldName
  case yaml(String)
  case oneDocument
  case size(limit: Int)
  case segmentOfNodes(nodes: Int32)
  case levelName
  case bool
  case deviceType
  case texts(example: String)
  case entries(limit: Int)
  case array
  case arrayIndex(to: Int64)
  case arrayTasks(limit: Int)
  case dependency
  case labelRule
  case nodeNames
  case nodeCount(limit: Int)
  case moment(relative: Bool)
  case warnWalltime
  /// The walltime, as a person would write it.
  case warnBefore(walltime: String)
  case count(ClosedRange<Int64>)
  case oneOf([String])
  case activeParameters(of: Int64)

  /// What is allowed, as a phrase that follows "allowed:".
  public var allowed: String {
    switch self {
    case .wholeNumber(let low, let high): "a whole number from \(low) to \(high)"
    case .bareNumber(let low, let high): "a whole number from \(low) to \(high), without quotes"
    case .priority(let low, let high):
      "a whole number from \(low) to \(high), higher first, or the name of a priority (a letter first)"
    case .duration(let zero):
      (zero ? "a time from 0s" : "a time above 0s")
        + #" to 3650d: whole numbers with units, e.g. 90s, 12h or 1h30m (ms, s, m, h, d), or quoted "HH:MM:SS" or "#
        + #""D-HH:MM:SS""#
    case .durationUnit: "a number with its unit, e.g. 90s, 15m, 12h or 2d"
    case .durationQuotes: #"quotes around it, "HH:MM:SS" or "D-HH:MM:SS" (YAML reads 1:30:00 as a number), or 1h30m"#
    case .memory: "a whole number with its unit, e.g. 512MiB, 16GiB or 2G, up to 1024TiB"
    case .memoryUnit: "a number with its unit, e.g. 512MiB or 16GiB"
    case .memoryAtLeast(let least): "\(least) or more"
    case .signal: "a signal's name or number, e.g. TERM, SIGINT or 15"
    case .fence: "auto, attempt or strict"
    case .name: "1 to 128 letters, digits, dots, underscores or hyphens"
    case .user: "1 to 128 characters with no space"
    case .text: "one text, with no zero byte in it"
    case .textNotNumber: "a text; in quotes, if this is one"
    case .path: "a path of at most 4095 bytes"
    case .directory: "a path, absolute or from where you submit, e.g. /home/me/train or train"
    case .absolutePath: "an absolute path, e.g. /home/me/train"
    case .command: "a list of at least one text, e.g. [python3, train.py]"
    case .commandBytes(let limit): "at most \(limit) bytes in all"
    case .list: "a list"
    case .mapping(let example): "fields with values, e.g. \(example)"
    case .environmentName: "a name of letters, digits and underscores that does not start with a digit"
    case .environmentReserved: "names that do not start with MUSTER_ (Muster sets those)"
    case .environmentEntries(let limit): "at most \(limit) variables"
    case .environmentBytes(let limit): "at most \(limit) bytes in all"
    case .worldSize(let limit): "nodes x ranksPerNode of at most \(limit)"
    case .required(let what): what
    case .knownField(let known, let nearest):
      (nearest.map { "no such field; did you mean \($0)? Fields here: " } ?? "no such field. Fields here: ")
        + known.joined(separator: ", ")
    case .notYet: "not yet: this word is kept for a later version"
    case .roles(let limit): "at most \(limit)"
    case .someRole: "a role, e.g. roles: {main: {command: [python3, train.py]}}"
    case .oneForm: "either roles, or gang, command, environment and workingDirectory at the top, not both"
    case .once(let first?): "each field once, and line \(first) has it"
    case .once(nil): "each field once"
    case .fieldName: "a field's name"
    case .yaml(let problem): "YAML (\(problem))"
    case .oneDocument: "one job in a file"
    case .size(let limit): "a file of at most \(limit) bytes"
    case .segmentOfNodes, .levelName, .bool, .deviceType, .texts, .entries, .array, .arrayIndex, .arrayTasks,
      .dependency, .labelRule, .nodeNames, .nodeCount, .moment, .warnWalltime, .warnBefore, .count, .oneOf,
      .activeParameters:
      allowedWish
    }
  }

  /// Of the fields that ask for a place or a time.
  private var allowedWish: String {
    switch self {
    case .segmentOfNodes(let nodes): "a number of nodes that divides gang.nodes, which is \(nodes)"
    case .levelName: "the name of a level, e.g. rack: 1 to 128 letters, digits, dots, underscores or hyphens"
    case .bool: "true or false"
    case .deviceType: "names of device types, best first, e.g. [H100, A100]: 1 to 64 characters with no comma"
    case .texts(let example): "a list of texts, or one text, e.g. \(example)"
    case .entries(let limit): "at most \(limit) entries"
    case .array: #"indices as Slurm writes them, e.g. "0-15", "1,3,7", "0-15:4" or "0-99%8" (8 at once)"#
    case .arrayIndex(let high): "indices from 0 to \(high)"
    case .arrayTasks(let limit): "at most \(limit) tasks"
    case .dependency:
      "after, afterok, afterany or afternotok with a job's number, e.g. afterok:41, afterok:41:42 or afterok:41_3, or singleton"
    case .labelRule:
      "rules about labels: key=value, key!=value, key or !key; keys of 1 to 63, values of up to 63 letters, digits or . _ - / : +"
    case .nodeNames: "names of nodes, e.g. node-3 or node-[7-9,12]"
    case .nodeCount(let limit): "at most \(limit) nodes"
    case .moment(let relative):
      "a moment with its zone, e.g. 2026-12-01T08:00:00Z or 2026-12-01T08:00:00+01:00"
        + (relative ? ", or now+2h" : "")
    case .warnWalltime: "a walltime beside it: the warning is sent some time before that is over"
    case .warnBefore(let walltime): "less than the walltime, which is \(walltime)"
    case .count(let range):
      "a count from \(range.lowerBound) to \(range.upperBound), e.g. 4096, 8B or 1.5T (K, M, B, T: thousands)"
    case .oneOf(let names): names.joined(separator: ", ")
    case .activeParameters(let all): "at most model.parameters, which is \(all)"
    default: ""
    }
  }
}
