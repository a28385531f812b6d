/// An http(s) URL in its parts (RFC 3986), checked before any library sees it.
package struct WebAddress: Equatable, Sendable {
    /// A name and password, as they stand in a URL or in apt's auth.conf.
    package struct Login: Hashable, Sendable {
        var user: String
        var password: String
    }

    /// `http` or `https`.
    let scheme: String
    /// Lower-case; IPv6 addresses without their brackets.
    let host: String
    let port: Int
    /// Path and query, from the slash on.
    let target: String
    let login: Login?
    private let isDefaultPort: Bool

    /// What is no URL, or none that can be asked.
    package struct Malformed: Error, CustomStringConvertible {
        /// For people.
        package let description: String
    }

    /// - Throws: `Malformed`.
    package init(_ text: String) throws {
        func fail(_ reason: String) -> Malformed { Malformed(description: "\(Self.withoutLogin(text)): \(reason)") }
        guard let mark = text.firstRange(of: "://") else { throw fail("no http(s) URL") }
        scheme = text[..<mark.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { throw fail("'\(scheme)' is no scheme that is served here") }
        let rest = text[mark.upperBound...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        var place = rest[..<end]
        var login: Login?
        if let at = place.lastIndex(of: "@") {
            let parts = place[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            login = Login(
                user: Self.decoded(parts[0]), password: parts.count > 1 ? Self.decoded(parts[1]) : "")
            place = place[place.index(after: at)...]
        }
        self.login = login
        var portText: Substring?
        if place.hasPrefix("["), let bracket = place.firstIndex(of: "]") {
            let after = place[place.index(after: bracket)...]
            portText = after.hasPrefix(":") ? after.dropFirst() : nil
            host = place[place.index(after: place.startIndex)..<bracket].lowercased()
        } else {
            let parts = place.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = (parts.first ?? "").lowercased()
            portText = parts.count > 1 ? parts[1] : nil
        }
        guard !host.isEmpty else { throw fail("it names no host") }
        let standard = scheme == "https" ? 443 : 80
        if let portText, !portText.isEmpty {
            guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(portText),
                (1...65_535).contains(number)
            else { throw fail("'\(portText)' is no port (1 to 65535)") }
            port = number
        } else {
            port = standard
        }
        isDefaultPort = port == standard
        let tail = rest[end...].prefix { $0 != "#" }
        target = tail.hasPrefix("/") ? String(tail) : "/\(tail)"
    }

    /// The host, in brackets where it is an IPv6 address, and the port where it isn't the scheme's own.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return isDefaultPort ? name : "\(name):\(port)"
    }

    /// Without what is secret.
    package var shown: String { server + target }

    /// Scheme, host and port.
    var server: String { "\(scheme)://\(authority)" }

    /// Where a redirect leads (RFC 9110 10.2.2, RFC 3986 5.2).
    package func redirected(to location: String) throws -> WebAddress {
        if location.firstRange(of: "://") != nil || location.split(separator: "/").first?.hasSuffix(":") == true {
            return try WebAddress(location)
        }
        if location.hasPrefix("//") { return try WebAddress("\(scheme):\(location)") }
        let path = target.prefix { $0 != "?" }
        let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        return try WebAddress("\(server)\(Self.normalized(location.hasPrefix("/") ? location : folder + location))")
    }

    /// A path without `.` and `..` (RFC 3986 5.2.4), its query as it is.
    private static func normalized(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        var parts: [Substring] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/") + target[path.endIndex...]
    }

    /// A URL without user and password, however malformed the rest is.
    static func withoutLogin(_ text: String) -> String {
        guard let mark = text.firstRange(of: "://") else { return text }
        let rest = text[mark.upperBound...]
        guard let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@") else { return text }
        return String(text[..<mark.upperBound] + rest[rest.index(after: at)...])
    }

    /// A path as it stands in a URL: what isn't a letter, a digit or one of a few signs as `%NN`. `+` too: some servers take
    /// it for a blank, as apt knows.
    static func encodedPath(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || "-._~/:@!$&'()*,;=".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            text += isPlain ? String(UnicodeScalar(byte)) : "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }
        return text
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
