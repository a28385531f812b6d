import Glibc

/// Words that an image built on this machine might carry by mistake.
public enum HostTraces {
    /// The host's name and proxies. Short and general names are left out: they would be found everywhere.
    public static func words(environment: (String) -> String?) -> [String] {
        var words: [String] = []
        var name = [CChar](repeating: 0, count: 256)
        if gethostname(&name, name.count - 1) == 0 {
            let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if host.utf8.count >= 6, !["localhost", "debian", "ubuntu", "alpine"].contains(host) { words.append(host) }
        }
        for variable in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            if let proxy = environment(variable), proxy.utf8.count >= 8, !words.contains(proxy) { words.append(proxy) }
        }
        return words
    }
}
