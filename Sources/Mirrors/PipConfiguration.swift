import Glibc
import Host

/// Where the host's own pip looks for wheels and whom it trusts, from its configuration files and variables
/// (https://pip.pypa.io/en/stable/topics/configuration/). What says how to install is left out: the manifest says that.
public struct PipConfiguration: Codable, Equatable, Sendable {
    /// Variables for a pip that reads no configuration file, sorted by name.
    public var environment: [String: String]
    /// Files and folders of this host that they name, and the certificates to trust.
    public var paths: [String]

    /// Options that say where, not what or how.
    private static let options: Set<String> = [
        "index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "cert", "client-cert", "proxy",
        "timeout", "default-timeout", "retries",
    ]
    /// Bundles of certificates of Debian, Fedora and Alpine.
    private static let bundles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]
    private static let proxies = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    ]

    /// - Parameters:
    ///   - variables: The process's environment.
    ///   - read: A file's text; nil where there is none.
    public init(
        variables: (String) -> String?, read: (String) -> String? = { try? SmallFile.text($0) }
    ) {
        var values: [String: String] = [:]
        let home = variables("HOME") ?? "/root"
        let user = variables("XDG_CONFIG_HOME") ?? "\(home)/.config"
        var files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", "\(home)/.pip/pip.conf", "\(user)/pip/pip.conf"]
        if let named = variables("PIP_CONFIG_FILE") { files = named == "/dev/null" ? [] : files + [named] }
        for file in files {
            guard let text = read(file) else { continue }
            for (key, value) in Self.parse(text) { values[key] = value }
        }
        for option in Self.options {
            if let value = variables(Self.variable(option)) { values[option] = value }
        }
        if values["cert"] == nil {
            let named = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"].lazy.compactMap(variables).first
            values["cert"] = named ?? Self.bundles.first { access($0, R_OK) == 0 }
        }
        var environment: [String: String] = [:]
        for (key, value) in values { environment[Self.variable(key)] = value }
        for name in Self.proxies { environment[name] = variables(name) }
        self.environment = environment
        let words = values.filter {
            ["find-links", "cert", "client-cert", "index-url", "extra-index-url"].contains($0.key)
        }
        .values.flatMap { $0.split { $0 == " " || $0 == "\n" || $0 == "\t" } }
        paths = Set(
            words.compactMap { word in
                let path = word.hasPrefix("file://") ? word.dropFirst(7) : word
                return path.hasPrefix("/") ? String(path) : nil
            }
        ).sorted()
    }

    private static func variable(_ option: String) -> String {
        "PIP_" + option.uppercased().replacing("-", with: "_")
    }

    /// The options of the sections that concern downloads, the later ones over the earlier; a value may go on in
    /// indented lines.
    static func parse(_ text: String) -> [(key: String, value: String)] {
        var found: [String: [(key: String, value: String)]] = [:]
        var section = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if words.isEmpty || words.hasPrefix("#") || words.hasPrefix(";") { continue }
            if words.startIndex > line.startIndex {
                // Not a key: the value before it goes on.
                if let last = found[section]?.indices.last { found[section]?[last].value += " \(words)" }
            } else if words.hasPrefix("[") {
                section = String(words.dropFirst().prefix { $0 != "]" })
            } else if let sign = words.firstIndex(where: { $0 == "=" || $0 == ":" }) {
                let key = words[..<sign].filter { $0 != " " && $0 != "\t" }.lowercased().replacing("_", with: "-")
                let value = words[words.index(after: sign)...].drop { $0 == " " || $0 == "\t" }
                found[section, default: []].append((key, String(value)))
            }
        }
        return ["global", "install", "download"].flatMap { found[$0] ?? [] }.filter { options.contains($0.key) }
    }
}
