import Glibc

/// Proxy, login and trust settings of this run, from the usual variables and the host's apt configuration.
package struct NetworkSettings: Sendable {
    /// What stands between this host and others.
    package struct Proxy: Hashable, Sendable {
        /// How it is spoken to.
        package enum Scheme: Hashable, Sendable { case http, socks }

        /// How it is spoken to.
        package var scheme: Scheme
        /// Its name or address.
        package var host: String
        /// Its port.
        package var port: Int
        /// Who asks, where it wants to know.
        package var login: WebAddress.Login?

        /// Without what is secret.
        var shown: String { "\(host):\(port)" }
    }

    /// By scheme: what a variable says.
    private let proxies: [String: Result<Proxy, WebAddress.Malformed>]
    private let exceptions: [Exception]
    private let apt: AptConfiguration
    /// A certificate bundle that replaces the system's (SSL_CERT_FILE), or a folder of certificates (SSL_CERT_DIR).
    let certificates: String?

    /// - Parameter apt: The host's; logins of it go to the mirrors alone.
    package init(environment: (String) -> String?, apt: AptConfiguration = .init()) {
        var proxies: [String: Result<Proxy, WebAddress.Malformed>] = [:]
        for scheme in ["http", "https"] {
            // Upper-case HTTP_PROXY is what a web server sets from a request's header, so only HTTPS_PROXY counts.
            let setting =
                environment("\(scheme)_proxy") ?? (scheme == "https" ? environment("HTTPS_PROXY") : nil)
                ?? environment("all_proxy") ?? environment("ALL_PROXY")
            if let setting { proxies[scheme] = Result { () throws(WebAddress.Malformed) in try Self.parse(setting) } }
        }
        (self.proxies, self.apt) = (proxies, apt)
        exceptions = (environment("no_proxy") ?? environment("NO_PROXY") ?? "").lowercased()
            .split { $0 == "," || $0 == " " }.map { Exception(String($0)) }
        certificates = environment("SSL_CERT_FILE") ?? environment("SSL_CERT_DIR")
    }

    /// The proxy for an address; loopback never has one.
    /// - Throws: `WebAddress.Malformed` for a setting that names none.
    package func proxy(for address: WebAddress) throws -> Proxy? {
        if address.host == "localhost" || address.host.hasPrefix("127.") || address.host == "::1" { return nil }
        if exceptions.contains(where: { $0.covers(address) }) { return nil }
        if let setting = proxies[address.scheme] { return try setting.get() }
        guard let setting = apt.proxy(scheme: address.scheme, host: address.host), setting != "DIRECT" else {
            return nil
        }
        return try Self.parse(setting)
    }

    /// Who asks: what the URL says, else apt's configuration.
    func login(for address: WebAddress) -> WebAddress.Login? { address.login ?? apt.login(for: address) }

    /// `http://user:word@host:3128/`, `socks5://host`, `host:3128`.
    static func parse(_ text: String) throws(WebAddress.Malformed) -> Proxy {
        let scheme = text.firstRange(of: "://").map { text[..<$0.lowerBound].lowercased() }
        let rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
        let isSocks = scheme?.hasPrefix("socks") == true
        do {
            let address = try WebAddress("http://\(rest)")
            let hasPort = rest.prefix { $0 != "/" }.split(separator: "@").last?.contains(":") == true
            let port = hasPort ? address.port : isSocks ? 1080 : scheme == "https" ? 443 : 80
            return Proxy(scheme: isSocks ? .socks : .http, host: address.host, port: port, login: address.login)
        } catch {
            throw WebAddress.Malformed(
                description: "the proxy setting '\(WebAddress.withoutLogin(text))' names no proxy")
        }
    }

    /// One entry of no_proxy: `*`, a name with all below it (with or without a dot or `*.` before it), an address, a network,
    /// each with a port or without.
    struct Exception: Sendable {
        private var name: String
        private var port: Int?
        private var network: (bytes: [UInt8], bits: Int)?

        init(_ text: String) {
            name = text
            let slash = text.split(separator: "/", maxSplits: 1)
            if slash.count == 2, let bytes = Self.bytes(String(slash[0])), let bits = Int(slash[1]),
                (0...(bytes.count * 8)).contains(bits)
            {
                network = (bytes, bits)
                return
            }
            if text.hasPrefix("["), let bracket = text.firstIndex(of: "]") {
                name = String(text[text.index(after: text.startIndex)..<bracket])
                port = Int(text[bracket...].dropFirst(2))
            } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
                (name, port) = (String(text[..<colon]), Int(text[text.index(after: colon)...]))
            }
            if name != "*" { name = String(name.trimmingPrefix("*").trimmingPrefix(".")) }
        }

        func covers(_ address: WebAddress) -> Bool {
            if let port, port != address.port { return false }
            if let network {
                guard let bytes = Self.bytes(address.host), bytes.count == network.bytes.count else { return false }
                return (0..<network.bits).allSatisfy { bit in
                    let difference = bytes[bit / 8] ^ network.bytes[bit / 8]
                    return difference & (0x80 >> UInt8(bit % 8)) == 0
                }
            }
            return name == "*" || (!name.isEmpty && (address.host == name || address.host.hasSuffix(".\(name)")))
        }

        /// An address's bytes (inet_pton(3)).
        private static func bytes(_ text: String) -> [UInt8]? {
            for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
                var bytes = [UInt8](repeating: 0, count: count)
                if inet_pton(family, text, &bytes) == 1 { return bytes }
            }
            return nil
        }
    }
}
