/// A number of bytes for people: decimal units, one place.
public func readableByteCount(_ bytes: Int) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")]
    for (size, name) in units where bytes >= size {
        return "\(bytes / size).\(bytes % size * 10 / size) \(name)"
    }
    return "\(bytes) bytes"
}

/// A number of bytes as people write it: `100MiB`, `2TiB` (IEC 80000-13).
public enum ByteSize {
    /// The largest first.
    package static let units = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    /// A whole number of a unit; nil for anything else, and for more than `limit` bytes.
    public static func bytes(_ text: String, limit: Int = 1 << 50) -> Int? {
        guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }),
            let number = Int(text.dropLast(unit.utf8.count)), (1...limit / factor).contains(number)
        else { return nil }
        return number * factor
    }
}
