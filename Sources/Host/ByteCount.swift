/// A number of bytes for people: decimal units, one place.
public func readableByteCount(_ bytes: Int) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")]
    for (size, name) in units where bytes >= size {
        return "\(bytes / size).\(bytes % size * 10 / size) \(name)"
    }
    return "\(bytes) bytes"
}
