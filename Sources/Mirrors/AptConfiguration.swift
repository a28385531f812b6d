/// What of the host's apt configuration concerns the network: proxies (apt.conf(5), apt-transport-http(1)) and logins
/// (apt_auth.conf(5)).
package struct AptConfiguration: Sendable {
    /// Values by their full names in lower case: `acquire::http::proxy`.
    private let values: [String: String]
    private let logins: [Machine]

    /// Nothing.
    package static let none = AptConfiguration(values: [:], logins: [])

    private init(values: [String: String], logins: [Machine]) { (self.values, self.logins) = (values, logins) }

    /// - Parameters:
    ///   - configurations: Texts of apt.conf, of which a later one's values count.
    ///   - logins: Texts of auth.conf, of which an earlier one's entries do.
    package init(configurations: [String], logins: [String]) {
        values = configurations.reduce(into: [:]) { values, text in values.merge(Self.parse(text)) { $1 } }
        self.logins = logins.flatMap(Machine.all)
    }

    /// The proxy for a host: a URL, `DIRECT` for none; nil where nothing is said.
    package func proxy(scheme: String, host: String) -> String? {
        values["acquire::\(scheme)::proxy::\(host)"] ?? values["acquire::\(scheme)::proxy"]
    }

    /// The login for an address. An entry without a scheme is for https alone: passwords don't go over http unless one says
    /// that they may.
    package func login(for address: WebAddress) -> WebAddress.Login? {
        logins.first { machine in
            (machine.scheme ?? "https") == address.scheme && machine.host == address.host
                && (machine.port ?? address.port) == address.port && address.target.hasPrefix(machine.path)
        }?.login
    }

    /// One entry of auth.conf: `machine [SCHEME://]HOST[:PORT][/PATH] login USER password WORD`.
    private struct Machine: Sendable {
        var scheme: String?
        var host = ""
        var port: Int?
        var path = ""
        var login = WebAddress.Login(user: "", password: "")

        static func all(_ text: String) -> [Machine] {
            var machines: [Machine] = []
            let lines = text.split(whereSeparator: \.isNewline).filter {
                !$0.drop(while: \.isWhitespace).hasPrefix("#")
            }
            var words = lines.flatMap { $0.split(whereSeparator: \.isWhitespace).map(String.init) }[...]
            while let word = words.popFirst(), let value = words.first {
                switch word {
                case "machine": machines.append(Machine(value))
                case "login" where !machines.isEmpty: machines[machines.count - 1].login.user = value
                case "password" where !machines.isEmpty: machines[machines.count - 1].login.password = value
                default: continue
                }
                words.removeFirst()
            }
            return machines
        }

        init(_ text: String) {
            var rest = text[...]
            if let mark = rest.firstRange(of: "://") {
                scheme = rest[..<mark.lowerBound].lowercased()
                rest = rest[mark.upperBound...]
            }
            let place = rest.prefix { $0 != "/" }
            path = String(rest[place.endIndex...])
            let parts = place.split(separator: ":", maxSplits: 1)
            host = (parts.first ?? "").lowercased()
            port = parts.count > 1 ? Int(parts[1]) : nil
        }
    }

    /// Names and values, in either way of writing them: `A::B "c";` and `A { B "c"; };`.
    private static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        var (scopes, words) = ([String](), [String]())
        for token in tokens(text) {
            switch token {
            case "{":
                scopes.append(words.first ?? "")
                words = []
            case "}":
                _ = scopes.popLast()
                words = []
            case ";":
                if words.count > 1 {
                    values[(scopes + [words[0]]).joined(separator: "::").lowercased()] = words[1]
                }
                words = []
            default: words.append(token)
            }
        }
        return values
    }

    private static func tokens(_ text: String) -> [String] {
        var tokens: [String] = []
        var rest = text[...]
        while let character = rest.first {
            if character.isWhitespace {
                rest.removeFirst()
            } else if rest.hasPrefix("//") || character == "#" {
                rest = rest.drop { !$0.isNewline }
            } else if rest.hasPrefix("/*") {
                rest = rest.firstRange(of: "*/").map { rest[$0.upperBound...] } ?? ""
            } else if character == "\"" {
                let value = rest.dropFirst().prefix { $0 != "\"" }
                tokens.append(String(value))
                rest = rest[value.endIndex...].dropFirst()
            } else if "{};".contains(character) {
                tokens.append(String(rest.removeFirst()))
            } else {
                let word = rest.prefix { !$0.isWhitespace && !"{};\"".contains($0) }
                tokens.append(String(word))
                rest = rest[word.endIndex...]
            }
        }
        return tokens
    }
}
