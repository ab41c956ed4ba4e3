import Crypto
package import Glibc
import X509

/// `DIR/identity`: a node's key, its certificate and the authority's, as files that shims read at each dial. The key
/// never leaves the machine.
package struct NodeIdentity: Sendable, Hashable {
  package let folder: String
  package init(folder: String) { self.folder = folder }

  package var keyFile: String { folder + "/key.pem" }
  package var certificateFile: String { folder + "/certificate.pem" }
  package var authorityFile: String { folder + "/ca.pem" }

  /// Whether none of its files is absent. One that cannot be read is there: who reads it is told why.
  package var isThere: Bool {
    [keyFile, certificateFile, authorityFile].allSatisfy { (file: String) in
      access(file, F_OK) == 0 || errno != ENOENT
    }
  }

  /// The machine's key, made on first use: a machine that joins again is the same one.
  package func key() throws -> String {
    if let text = try PEMFile.read(keyFile) { return text }
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw PEMFile.Failure(path: folder, code: errno) }
    let made = P256.Signing.PrivateKey().pemRepresentation + "\n"
    try PEMFile.write(keyFile, made, mode: 0o600)
    return made
  }

  package func store(certificatePEM: String, authorityPEM: String? = nil) throws {
    if let authorityPEM { try PEMFile.write(authorityFile, authorityPEM, mode: 0o644) }
    try PEMFile.write(certificateFile, certificatePEM, mode: 0o644)
  }

  package func certificate() throws -> PeerIdentity {
    guard let text = try PEMFile.read(certificateFile) else { throw TLSProblem.noIdentity(folder: folder) }
    return try PeerIdentity(pem: text)
  }

  /// The fingerprint of the machine's key.
  package func machine() throws -> String {
    try Certificate.PrivateKey(pemEncoded: try key()).publicKey.fingerprint
  }
}

/// Small files that hold keys and certificates.
package enum PEMFile {
  package struct Failure: Error, CustomStringConvertible {
    package var path: String
    package var code: Int32
    package init(path: String, code: Int32) {
      self.path = path
      self.code = code
    }
    package var description: String { "\(path): \(String(cString: strerror(code)))" }
  }

  /// Nil if it is not there, or empty. What is there and cannot be read must not be taken for absent: it would be made
  /// anew over the old one.
  package static func read(_ path: String) throws(Failure) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw Failure(path: path, code: errno)
    }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let n = Glibc.read(descriptor, &buffer, buffer.count)
      if n < 0, errno == EINTR { continue }
      guard n >= 0 else { throw Failure(path: path, code: errno) }
      return n > 0 ? String(decoding: buffer.prefix(n), as: UTF8.self) : nil
    }
  }

  /// Whole or not at all, and durable.
  package static func write(_ path: String, _ text: String, mode: mode_t) throws {
    let temporary = path + ".new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw Failure(path: temporary, code: errno) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
      rename(temporary, path) == 0
    else { throw Failure(path: path, code: errno) }
  }
}
