import FileTree
import Host

/// What a supervisor of virtual machines expects of a runtime's image: that the kernel mounts it and has something to
/// start, and that whoever may log in is no surprise.
struct RuntimeContract {
    /// Compressions that the kernels which Aleph builds mount (facts from their configuration): gzip, lzo, xz, lz4, zstd.
    private static let compressions: Set<String> = ["gzip", "lzo", "xz", "lz4", "zstd"]
    /// What an init mounts over a root that it can't write to.
    private static let mountPoints = ["dev", "proc", "run", "sys", "tmp"]

    private let tree: any Tree
    private let reader: any ContentReader
    private let links: LinkResolver
    private let entries: [[UInt8]: TreeEntry]
    private(set) var findings: [AuditReport.Finding] = []
    /// How root may log in, in words.
    private(set) var notes: [String] = []

    init(_ tree: any Tree) throws {
        self.tree = tree
        reader = try tree.makeReader()
        links = LinkResolver(tree.entries)
        entries = Dictionary(tree.entries.map { ($0.path, $0) }) { first, _ in first }
    }

    private mutating func add(_ rule: AuditRule, _ path: String, _ detail: String) {
        findings.append(
            .init(
                path: path, finding: rule.rawValue, detail: TerminalText.report(detail.utf8), reason: rule.reason,
                remedy: rule.remedy))
    }

    mutating func check(imageSize: Int?) throws {
        checkImage(imageSize)
        try checkInit()
        notes.append("Aleph's supervisor: \(try GuestAgent.find(in: tree).note)")
        for name in Self.mountPoints where follow("/\(name)")?.kind != .directory {
            add(.mountPoint, "/\(name)", "it isn't there, or is no folder")
        }
        try checkPrograms()
        try checkLogin()
    }

    private mutating func checkImage(_ size: Int?) {
        guard let image = tree as? SquashfsTree else {
            return add(.imageFormat, "/", "it is a \(tree.format), and no squashfs image")
        }
        if !Self.compressions.contains(image.superblock.compression) {
            add(.imageFormat, "/", "compressed with \(image.superblock.compression)")
        }
        // A drive has whole sectors: what is beyond the last is cut.
        if let size, size % 512 != 0 { add(.imageFormat, "/", "\(size) bytes, no multiple of 512") }
    }

    /// The entry at a path, links followed.
    private func follow(_ path: String) -> TreeEntry? {
        links.target(of: Array(path.utf8)).flatMap { entries[$0] }
    }

    // MARK: Init and programs

    private mutating func checkInit() throws {
        guard let start = follow("/sbin/init") else {
            return add(.initProgram, "/sbin/init", "the kernel starts it, and it isn't there")
        }
        guard start.isFile, start.mode & 0o111 != 0, start.size > 0 else {
            return add(.initProgram, "/sbin/init", "\(start.name) is no executable file")
        }
        let head = try reader.bytes(start, limit: 1 << 16)
        if head.starts(with: "#!".utf8) {
            let line = head.dropFirst(2).prefix { $0 != 10 }
            let interpreter = String(
                decoding: line.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self)
            guard let program = follow(interpreter), program.isExecutable else {
                return add(.initProgram, "/sbin/init", "its interpreter \(interpreter) isn't in the image")
            }
            return try checkLoader(of: program, as: "/sbin/init")
        }
        guard ELFHeader(head) != nil else {
            return add(.initProgram, "/sbin/init", "\(start.name) is neither a script nor an ELF program")
        }
        try checkLoader(of: start, as: "/sbin/init")
    }

    private mutating func checkLoader(of program: TreeEntry, as path: String) throws {
        guard let header = ELFHeader(try reader.bytes(program, limit: 1 << 16)) else {
            return add(.initProgram, path, "\(program.name) is no ELF program")
        }
        if header.machine != ELFHeader.x86_64 {
            add(.initProgram, path, "\(program.name) is for machine \(header.machine), not for x86-64")
        }
        if let loader = header.interpreter, follow(loader) == nil {
            add(.initProgram, path, "the loader \(loader) of \(program.name) isn't in the image")
        }
    }

    /// Programs in the folders that a PATH has.
    private mutating func checkPrograms() throws {
        let folders = ["usr/bin/", "usr/sbin/", "bin/", "sbin/", "usr/local/bin/", "usr/local/sbin/"].map {
            Array($0.utf8)
        }
        for entry in tree.entries where entry.isExecutable && folders.contains(where: { entry.path.starts(with: $0) }) {
            let head = try reader.bytes(entry, limit: 64)
            guard let header = ELFHeader(head), header.machine != ELFHeader.x86_64 else { continue }
            add(.foreignProgram, entry.name, "it is for machine \(header.machine)")
        }
    }

    // MARK: Root's login

    private mutating func checkLogin() throws {
        var hasPassword = false
        if let shadow = entries[Array("etc/shadow".utf8)] {
            let lines = String(decoding: try reader.bytes(shadow, limit: 1 << 20), as: UTF8.self).split(separator: "\n")
            if let line = lines.first(where: { $0.hasPrefix("root:") }) {
                let hash = line.split(separator: ":", omittingEmptySubsequences: false).dropFirst().first ?? "*"
                hasPassword = !["*", "!"].contains(hash.prefix(1))
                notes.append(
                    hash.isEmpty
                        ? "root has an empty password"
                        : hasPassword ? "root has a password" : "root's password is locked")
                if hash.isEmpty { add(.rootLogin, "/etc/shadow", "root has an empty password") }
            }
        }
        guard let daemon = follow("/usr/sbin/sshd"), daemon.isExecutable else {
            return notes.append("there is no sshd")
        }
        let settings = try sshSettings()
        // The defaults of sshd_config(5).
        let root = settings["permitrootlogin"] ?? "prohibit-password"
        let passwords = settings["passwordauthentication"] ?? "yes"
        notes.append(
            TerminalText.report("sshd: PermitRootLogin \(root), PasswordAuthentication \(passwords)".utf8))
        if root == "yes", passwords == "yes", hasPassword {
            add(.rootLogin, "/etc/ssh/sshd_config", "root may log in from the network with a password")
        }
    }

    /// The first value of each keyword, as sshd takes it; included files come where they are named.
    private func sshSettings() throws -> [String: String] {
        var settings: [String: String] = [:]
        func read(_ path: [UInt8], depth: Int) throws {
            guard depth < 4, let entry = entries[path], entry.isFile else { return }
            for line in String(decoding: try reader.bytes(entry, limit: 1 << 20), as: UTF8.self).split(separator: "\n")
            {
                let words = line.split { $0 == " " || $0 == "\t" || $0 == "=" }
                guard words.count > 1, !words[0].hasPrefix("#") else { continue }
                // What follows concerns some logins only.
                if words[0].lowercased() == "match" { break }
                if words[0].lowercased() == "include", words[1].hasPrefix("/etc/ssh/sshd_config.d/") {
                    let folder = Array("etc/ssh/sshd_config.d/".utf8)
                    for other in tree.entries
                    where other.path.starts(with: folder) && other.path.suffix(5).elementsEqual(".conf".utf8) {
                        try read(other.path, depth: depth + 1)
                    }
                } else if settings[words[0].lowercased()] == nil {
                    settings[words[0].lowercased()] = words[1].lowercased()
                }
            }
        }
        try read(Array("etc/ssh/sshd_config".utf8), depth: 0)
        return settings
    }
}
