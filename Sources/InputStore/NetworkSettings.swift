import Glibc
import NIOSSL

/// Proxy and trust settings of this run, from the usual variables and the host's apt configuration.
struct NetworkSettings: Sendable {
    struct Proxy: Hashable, Sendable {
        var host: String
        var port: Int
    }

    private let proxies: [String: Proxy]
    private let exceptions: [String]
    /// A certificate bundle that replaces the system's (SSL_CERT_FILE), or a folder of certificates (SSL_CERT_DIR).
    let certificates: String?

    init(environment: (String) -> String?) {
        var proxies: [String: Proxy] = [:]
        for scheme in ["http", "https"] {
            // Upper-case HTTP_PROXY is what a web server sets from a request's header, so only HTTPS_PROXY counts.
            let setting =
                environment("\(scheme)_proxy") ?? (scheme == "https" ? environment("HTTPS_PROXY") : nil)
                ?? environment("all_proxy") ?? environment("ALL_PROXY") ?? Self.aptProxy(scheme: scheme)
            if let setting, let proxy = Self.parse(setting) { proxies[scheme] = proxy }
        }
        self.proxies = proxies
        exceptions = (environment("no_proxy") ?? environment("NO_PROXY") ?? "").lowercased()
            .split(separator: ",").map { String($0.drop { $0 == " " || $0 == "." || $0 == "*" }) }
        certificates = environment("SSL_CERT_FILE") ?? environment("SSL_CERT_DIR")
    }

    /// The proxy for a URL; loopback never has one.
    func proxy(scheme: String, host: String) -> Proxy? {
        if ["localhost", "127.0.0.1", "::1"].contains(host) { return nil }
        if exceptions.contains(where: { !$0.isEmpty && (host == $0 || host.hasSuffix(".\($0)")) }) { return nil }
        return proxies[scheme]
    }

    static func parse(_ text: String) -> Proxy? {
        var rest = text[...]
        if let scheme = rest.range(of: "://") { rest = rest[scheme.upperBound...] }
        rest = rest.prefix { $0 != "/" }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        guard let colon = rest.lastIndex(of: ":") else {
            return rest.isEmpty ? nil : Proxy(host: String(rest), port: 80)
        }
        guard let port = Int(rest[rest.index(after: colon)...]) else { return nil }
        return Proxy(host: String(rest[..<colon]), port: port)
    }

    /// `Acquire::http::Proxy "URL";` in apt.conf(5). Only the one-line form is read: it is what installers write.
    private static func aptProxy(scheme: String) -> String? {
        let folder = "/etc/apt/apt.conf.d"
        let files = HostSources.names(in: folder).map { "\(folder)/\($0)" } + ["/etc/apt/apt.conf"]
        var found: String?
        for file in files {
            guard let text = try? Paths.readText(file) else { continue }
            for line in text.split(separator: "\n") {
                let words = line.split { $0 == " " || $0 == "\t" || $0 == "\"" || $0 == ";" }
                if words.count == 2, words[0].lowercased() == "acquire::\(scheme)::proxy" { found = String(words[1]) }
            }
        }
        return found == "DIRECT" ? nil : found
    }
}

extension Substring {
    /// The first occurrence of `text`.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
