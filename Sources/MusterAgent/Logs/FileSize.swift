import Glibc

/// Bytes of an open file; nil if the system does not say.
func fileSize(_ descriptor: Int32) -> Int64? {
  var status = stat()
  return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : nil
}
