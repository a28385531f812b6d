import ContentHash

/// Writes TOML in one fixed form, so that equal values give equal bytes: no library's formatting choices are in a lock.
struct TOMLText {
    private(set) var text = ""

    mutating func comment(_ line: String) { text += "# \(line)\n" }

    mutating func table(_ name: String) { text += "\n[\(name)]\n" }

    mutating func element(_ name: String) { text += "\n[[\(name)]]\n" }

    mutating func value(_ key: String, _ value: String) { text += "\(key) = \(Self.quoted(value))\n" }

    mutating func value(_ key: String, _ digest: Digest) { value(key, digest.hex) }

    mutating func value(_ key: String, _ value: Bool) { text += "\(key) = \(value)\n" }

    mutating func value(_ key: String, _ value: Int) { text += "\(key) = \(value)\n" }

    mutating func value(_ key: String, _ values: [Int]) {
        text += "\(key) = [\(values.map(String.init).joined(separator: ", "))]\n"
    }

    /// One string stays on the line; several get a line each, so that a diff shows which changed.
    mutating func value(_ key: String, _ values: [String]) {
        if values.count < 2 {
            text += "\(key) = [\(values.map(Self.quoted).joined())]\n"
        } else {
            text += "\(key) = [\n" + values.map { "    \(Self.quoted($0)),\n" }.joined() + "]\n"
        }
    }

    /// A TOML basic string.
    private static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1f}", "\u{7f}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
