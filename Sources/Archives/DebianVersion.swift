/// A Debian version, ordered as dpkg orders them (Debian Policy 5.6.12).
package struct DebianVersion: Comparable, CustomStringConvertible {
    /// As it was given.
    package let description: String

    /// - Parameter text: With or without an epoch and a revision.
    package init(_ text: String) { description = text }

    /// As dpkg compares: `1.0` is `0:1.00-0`.
    package static func == (a: DebianVersion, b: DebianVersion) -> Bool { compare(a, b) == 0 }

    /// As dpkg compares.
    package static func < (a: DebianVersion, b: DebianVersion) -> Bool { compare(a, b) < 0 }

    private static func compare(_ a: DebianVersion, _ b: DebianVersion) -> Int {
        let (x, y) = (a.parts, b.parts)
        if x.epoch != y.epoch { return x.epoch < y.epoch ? -1 : 1 }
        let upstream = compare(x.upstream, y.upstream)
        return upstream != 0 ? upstream : compare(x.revision, y.revision)
    }

    private var parts: (epoch: Int, upstream: [UInt8], revision: [UInt8]) {
        var rest = Array(description.utf8)[...]
        var epoch = 0
        if let colon = rest.firstIndex(of: 0x3a) {
            epoch = Int(String(decoding: rest[..<colon], as: UTF8.self)) ?? 0
            rest = rest[(colon + 1)...]
        }
        guard let dash = rest.lastIndex(of: 0x2d) else { return (epoch, Array(rest), []) }
        return (epoch, Array(rest[..<dash]), Array(rest[(dash + 1)...]))
    }

    /// Runs of non-digits and of digits in turn: `~` sorts before the end, letters before all else.
    private static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var (i, j) = (0, 0)
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        func order(_ bytes: [UInt8], _ index: Int) -> Int {
            guard index < bytes.count, !isDigit(bytes[index]) else { return 0 }
            let byte = bytes[index]
            if byte == 0x7e { return -1 }
            let isLetter = (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            return isLetter ? Int(byte) : Int(byte) + 256
        }
        while i < a.count || j < b.count {
            while (i < a.count && !isDigit(a[i])) || (j < b.count && !isDigit(b[j])) {
                let difference = order(a, i) - order(b, j)
                if difference != 0 { return difference }
                i += 1
                j += 1
            }
            while i < a.count, a[i] == 0x30 { i += 1 }
            while j < b.count, b[j] == 0x30 { j += 1 }
            let x = a[min(i, a.count)...].prefix(while: isDigit)
            let y = b[min(j, b.count)...].prefix(while: isDigit)
            if x.count != y.count { return x.count - y.count }
            for (p, q) in zip(x, y) where p != q { return Int(p) - Int(q) }
            i += x.count
            j += y.count
        }
        return 0
    }
}
