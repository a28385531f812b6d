import FileTree
import Glibc
import Host
import Sandbox

/// One pass over a tree.
struct AuditSearch {
    let tree: any Tree
    let owners: PackageOwnership
    let reader: any ContentReader
    let options: ImageAudit.Options
    var findings: [AuditReport.Finding] = []

    mutating func add(_ rule: AuditRule, _ entry: TreeEntry, _ detail: String = "") {
        findings.append(
            .init(
                path: entry.name, finding: rule.rawValue, detail: TerminalText.report(detail.utf8),
                reason: rule.reason, remedy: rule.remedy))
    }

    mutating func run() throws {
        let links = LinkResolver(tree.entries)
        let epoch = options.sourceDateEpoch ?? (tree as? SquashfsTree)?.superblock.time
        for entry in tree.entries {
            let owner = owners.owner(of: entry.path)
            if entry.isFile { try searchFile(entry, owner) }
            if (options.looksFor == .privateKeys) { continue }
            checkNames(entry)
            checkRights(entry, owner)
            if case .symbolicLink(let target) = entry.kind, owner == nil, !Self.isKnownToDangle(entry, target),
                !links.leadsSomewhere(entry.path, target)
            {
                add(.danglingLink, entry, "it leads to \(TerminalText.report(target))")
            }
            if let epoch, entry.time > epoch { add(.lateTime, entry, Describe.time(entry.time)) }
        }
    }

    // MARK: Contents

    private static let keyMarks = [
        "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----",
        "-----BEGIN DSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "AGE-SECRET-KEY-1",
    ].map { Array($0.utf8) }

    /// What services' tokens begin with, each with the digits and letters that must follow.
    private static let tokens: [(prefix: [UInt8], length: Int, name: String)] = [
        ("AKIA", 16, "an AWS access key"), ("ASIA", 16, "an AWS session key"), ("ghp_", 36, "a GitHub token"),
        ("github_pat_", 22, "a GitHub token"), ("glpat-", 20, "a GitLab token"), ("npm_", 36, "an npm token"),
        ("pypi-AgEIcHlwaS5vcmc", 20, "a Python index token"), ("xoxb-", 20, "a Slack token"),
        ("AIza", 35, "a Google API key"), ("sk_live_", 24, "a Stripe key"),
    ].map { (Array($0.0.utf8), $0.1, $0.2) }

    private mutating func searchFile(_ entry: TreeEntry, _ owner: String?) throws {
        let name = entry.name
        let isHostKey = fnmatch("/etc/ssh/ssh_host_*_key", name, 0) == 0
        // What a package ships is public already: test keys, examples.
        guard owner == nil || isHostKey || Self.isConfiguration(name), entry.size > 0 else { return }
        let bytes = try reader.bytes(entry, limit: ImageAudit.searchLimit)
        if isHostKey || Self.keyMarks.contains(where: { bytesContain(bytes, $0) }) {
            // A file of several certificates and a program that knows the mark are no keys.
            if isHostKey || Self.holdsKey(bytes) {
                add(.privateKey, entry, isHostKey ? "an SSH host key" : "")
            }
        }
        if (options.looksFor == .privateKeys) { return }
        if ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/passwd", "/etc/passwd-"].contains(
            name)
        {
            checkPasswords(entry, bytes)
        }
        if ["/etc/machine-id", "/var/lib/dbus/machine-id"].contains(name),
            !["", "uninitialized"].contains(
                String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? "")
        {
            add(.machineID, entry)
        }
        checkCredentials(entry, name, bytes)
        checkTraces(entry, name, bytes)
    }

    private static func isConfiguration(_ name: String) -> Bool {
        name.hasPrefix("/etc/") && !name.hasPrefix("/etc/ssl/certs/")
    }

    /// Whether a mark is followed by base64: programs that read keys hold the marks alone. The lines may be indented,
    /// as in YAML, or ended by a literal `\n`, as in JSON.
    private static func holdsKey(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        if text.contains("AGE-SECRET-KEY-1") { return true }
        for mark in keyMarks.map({ String(decoding: $0, as: UTF8.self) }) {
            var rest = text[...]
            while let found = rest.firstRange(of: mark) {
                rest = rest[found.upperBound...]
                let lines = rest.prefix(1000).replacing("\\r", with: "").replacing("\\n", with: "\n").split {
                    $0.isNewline
                }
                for line in lines.prefix(6) {
                    let word = line.utf8.filter { ![0x20, 0x09, 0x22, 0x27, 0x2c].contains($0) }
                    if word.count >= 32, word.allSatisfy(isBase64) { return true }
                }
            }
        }
        return false
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            || [0x2b, 0x2f, 0x3d].contains(byte)
    }

    private mutating func checkPasswords(_ entry: TreeEntry, _ bytes: [UInt8]) {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 1 else { continue }
            if fields[1].isEmpty, !entry.name.hasPrefix("/etc/gshadow") {
                add(.passwordHash, entry, "\(fields[0]) has an empty password")
            } else if !fields[1].isEmpty, !["*", "!", "!!", "x", "!*"].contains(String(fields[1])) {
                let isLocked = fields[1].hasPrefix("!")
                add(.passwordHash, entry, "\(fields[0]) has a password's hash\(isLocked ? ", locked" : "")")
            }
        }
    }

    /// Files that hold credentials, and the words in them that do.
    private static let credentialFiles: [(pattern: String, words: [String])] = [
        ("*/.netrc", ["password"]), ("*/.git-credentials", ["://"]), ("*/.pypirc", ["password"]),
        ("*/pip.conf", ["@"]), ("*/.npmrc", ["_auth", "_password"]), ("*/.yarnrc.yml", ["npmAuthToken:"]),
        ("*/.docker/config.json", ["\"auth\""]), ("*/.aws/credentials", ["aws_secret_access_key"]),
        ("*/.config/gcloud/*", ["private_key", "refresh_token"]), ("*/.kube/config", ["token", "client-key-data"]),
        ("*/.pgpass", [":"]), ("*/.my.cnf", ["password"]), ("*/.vault-token", [""]),
        ("/etc/apt/auth.conf*", ["password"]), ("*/.ssh/authorized_keys*", ["ssh-", "ecdsa-"]),
    ]

    private mutating func checkCredentials(_ entry: TreeEntry, _ name: String, _ bytes: [UInt8]) {
        for file in Self.credentialFiles where fnmatch(file.pattern, name, 0) == 0 {
            if file.words.contains(where: { $0.isEmpty || bytesContain(bytes, Array($0.utf8)) }) {
                return add(.credentials, entry, "a file that lets somebody in")
            }
        }
        for token in Self.tokens where Self.holds(token.prefix, followedBy: token.length, bytes) {
            return add(.credentials, entry, token.name)
        }
    }

    private static func holds(_ prefix: [UInt8], followedBy length: Int, _ bytes: [UInt8]) -> Bool {
        guard bytesContain(bytes, prefix) else { return false }
        func isPart(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || byte == 0x5f || byte == 0x2d
        }
        for start in bytes.indices where bytes[start] == prefix[0] && bytes[start...].starts(with: prefix) {
            if start > 0, isPart(bytes[start - 1]) { continue }
            let rest = bytes[(start + prefix.count)...].prefix(length + 1)
            if rest.prefix(length).count == length, rest.prefix(length).allSatisfy(isPart) { return true }
        }
        return false
    }

    private mutating func checkTraces(_ entry: TreeEntry, _ name: String, _ bytes: [UInt8]) {
        if let word = options.builderWords.first(where: { bytesContain(bytes, Array($0.utf8)) }) {
            add(.builderTrace, entry, "it mentions \(word)")
        }
        let isSetting =
            name.hasPrefix("/etc/apt/") || ["/etc/environment", "/etc/profile", "/etc/wgetrc"].contains(name)
        guard isSetting || name == "/etc/resolv.conf" || name == "/etc/hostname" else { return }
        let lines = String(decoding: bytes.prefix(65_536), as: UTF8.self).split(separator: "\n")
        if name == "/etc/resolv.conf",
            let line = lines.first(where: { $0.hasPrefix("nameserver") || $0.hasPrefix("search") })
        {
            add(.builderTrace, entry, "a resolver: \(line)")
        }
        if name == "/etc/hostname", let host = lines.first,
            !["localhost", "debian", "alpine"].contains(String(host))
        {
            add(.builderTrace, entry, "a host's name: \(host)")
        }
        if isSetting,
            let line = lines.first(where: { line in
                !line.hasPrefix("#") && !line.hasPrefix("//")
                    && ["_proxy=", "::Proxy ", "_PROXY="].contains { line.contains($0) }
            })
        {
            add(.builderTrace, entry, "a proxy: \(line)")
        }
    }

    // MARK: Names and rights

    private static let histories = [
        "*/.bash_history", "*/.ash_history", "*/.zsh_history", "*/.sh_history", "*/.python_history", "*/.lesshst",
        "*/.viminfo", "*/.node_repl_history", "*/.psql_history", "*/.mysql_history", "*/.sqlite_history",
        "*/.wget-hsts",
    ]
    private static let caches = [
        "/var/cache/apt/archives/*.deb", "/var/cache/apt/*.bin", "/var/lib/apt/lists/*_*", "/var/cache/apk/*",
        "/etc/apk/cache/*", "/root/.cache/pip/*", "/home/*/.cache/pip/*", "/root/.npm/_cacache/*",
        "/home/*/.npm/_cacache/*", "/var/cache/debconf/*-old",
    ]

    private mutating func checkNames(_ entry: TreeEntry) {
        guard entry.isFile else { return }
        let name = entry.name
        if entry.size > 0, Self.histories.contains(where: { fnmatch($0, name, 0) == 0 }) { add(.history, entry) }
        if Self.caches.contains(where: { fnmatch($0, name, 0) == 0 }) { add(.packageCache, entry) }
    }

    private mutating func checkRights(_ entry: TreeEntry, _ owner: String?) {
        if entry.isFile, owner == nil {
            if entry.mode & 0o6000 != 0 { add(.privileges, entry, "mode \(Octal.text(entry.mode))") }
            if entry.attribute("security.capability") != nil { add(.privileges, entry, "a file capability") }
        }
        switch entry.kind {
        case .directory where entry.mode & 0o1002 == 0o0002, .file where entry.mode & 0o002 != 0:
            add(.worldWritable, entry, "mode \(Octal.text(entry.mode))")
        case .device(let isBlock, let major, let minor):
            let isStandard = DeviceFolder.nodes.contains {
                !isBlock && $0.major == major && $0.minor == minor && "/dev/\($0.name)" == entry.name
            }
            if !isStandard { add(.deviceNode, entry, Describe.kind(entry.kind)) }
        default: break
        }
    }

    /// Links that lead out of the image on purpose: to what the kernel or the machine makes, to pruned manuals, or
    /// to /dev/null, which masks a service.
    private static func isKnownToDangle(_ entry: TreeEntry, _ target: [UInt8]) -> Bool {
        let text = String(decoding: target, as: UTF8.self)
        return [
            "/proc/", "/sys/", "/dev/", "/run/", "/tmp/", "/var/run/", "../proc/", "../run/", "/usr/share/man/",
            "/usr/share/doc/", "/usr/share/info/",
        ].contains { text.hasPrefix($0) }
            || ["/usr/share/man/", "/usr/share/doc/", "/usr/share/info/"].contains { entry.name.hasPrefix($0) }
            || (entry.name.hasPrefix("/etc/alternatives/") && text.hasSuffix(".gz"))
    }
}
