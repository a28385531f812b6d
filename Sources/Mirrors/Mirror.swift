import CLinux
import Glibc
import Host
import RuntimeSpec

/// A place that serves inputs: an archive's files by their paths, objects by their SHA-256, or both.
public struct Mirror: Hashable, Sendable {
    /// How it is asked.
    public enum Kind: Hashable, Sendable {
        /// A folder on this machine.
        case folder
        /// A web server.
        case server
        /// A bundle's CAR.
        case bundle
        /// A bundle's folder behind an IPFS gateway, by the CID of its root.
        case gateway(Gateway.Place)
    }

    /// An http(s) URL or an absolute path, without a slash at its end.
    public let base: String
    /// The family that it serves; nil when any may be tried.
    public let family: DebianArchiveFamily?
    /// How it is asked.
    public let kind: Kind

    /// - Parameter family: Which of Debian's archives it serves; nil for whatever is asked.
    public init(_ base: String, family: DebianArchiveFamily? = nil) {
        var text = base.hasPrefix("file:") ? String(base.dropFirst(5)) : base
        // file:/path, file:///path, file://localhost/path (RFC 8089).
        if text.hasPrefix("//localhost/") { text = String(text.dropFirst("//localhost".count)) }
        if text.hasPrefix("///") { text = String(text.dropFirst(2)) }
        while text.hasSuffix("/"), text != "/" { text.removeLast() }
        self.base = text.contains("://") ? text : Paths.absolute(text)
        self.family = family
        if self.base.hasPrefix("/") {
            var status = stat()
            let isFile = stat(self.base, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            kind = isFile ? .bundle : .folder
        } else {
            kind = Gateway.Place(url: self.base).map { .gateway($0) } ?? .server
        }
    }

    /// Whether it is a folder on this machine.
    public var isDirectory: Bool { kind == .folder }

    /// Whether it is on this machine.
    public var isLocal: Bool { base.hasPrefix("/") }

    /// Whether it has an archive's files by their paths.
    var hasPaths: Bool { kind == .folder || kind == .server }

    /// Its base for people: without user and password.
    public var shown: String { WebAddress.withoutLogin(base) }

    func url(of path: String) -> String { "\(base)/\(isLocal ? path : WebAddress.encodedPath(path))" }
}

/// Every mirror of this run, in the order in which they are tried: options, the user's configuration, the host's apt
/// sources, the snapshot archive.
public struct MirrorList: Sendable {
    /// Those that were given, and the host's.
    public let mirrors: [Mirror]
    /// Lists of mirrors that a server has (apt-transport-mirror(1)), with the place that its mirrors have in the order.
    let lists: [MirrorFile]
    let snapshot: String?
    let alpine: [Mirror]

    /// Debian's archive of every state of its archive.
    public static let snapshotArchive = "https://snapshot.debian.org/archive"

    /// Alpine's own mirror (https://mirrors.alpinelinux.org).
    public static let alpineArchive = "https://dl-cdn.alpinelinux.org/alpine"

    /// - Parameters:
    ///   - mirrors: Debian's, and those that may serve anything.
    ///   - alpine: Alpine's, tried after those.
    public init(
        mirrors: [Mirror], lists: [MirrorFile] = [], snapshot: String? = snapshotArchive,
        alpine: [Mirror] = [Mirror(alpineArchive)]
    ) {
        self.lists = lists
        self.alpine = alpine
        var seen: Set<Mirror> = []
        self.mirrors = mirrors.filter { seen.insert($0).inserted }
        self.snapshot = snapshot
    }

    /// The same with the mirrors that lists name, last.
    func adding(_ listed: [Mirror]) -> MirrorList {
        MirrorList(mirrors: mirrors + listed, snapshot: snapshot, alpine: alpine)
    }

    /// The mirrors for a suite.
    public func mirrors(forSuite suite: String) -> [Mirror] {
        let family = DebianArchiveFamily(suite: suite)
        return mirrors.filter { $0.hasPaths && ($0.family == nil || $0.family == family) }
    }

    /// The mirrors for Alpine's files.
    public var alpineMirrors: [Mirror] { general.filter(\.hasPaths) + alpine }

    /// Those that may serve anything, and so objects too.
    var general: [Mirror] { mirrors.filter { $0.family == nil } }

    /// The states of the snapshot archive at and soon after a time.
    func snapshots(forSuite suite: String, at time: SnapshotTime) -> [Mirror] {
        guard let snapshot else { return [] }
        let family = DebianArchiveFamily(suite: suite)
        return [0, 6, 12, 24, 48, 96].map { hours in
            Mirror("\(snapshot)/\(family.rawValue)/\(time.adding(hours: hours).text)", family: family)
        }
    }
}

/// A time as the snapshot archive spells it: `20261121T101112Z`.
public struct SnapshotTime: Sendable {
    /// Seconds since 1970-01-01 UTC.
    public let seconds: Int

    /// - Parameter seconds: Since 1970-01-01 UTC.
    public init(seconds: Int) { self.seconds = seconds }

    /// Reads `20261124T021215Z`; nil for anything else.
    public init?(_ text: String) {
        let seconds = rtv_parse_time(text, "%Y%m%dT%H%M%SZ")
        guard text.utf8.count == 16, seconds >= 0 else { return nil }
        self.seconds = Int(seconds)
    }

    /// As the snapshot archive spells it: `20261124T021215Z`.
    public var text: String {
        var (time, fields) = (time_t(seconds), tm())
        gmtime_r(&time, &fields)
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y%m%dT%H%M%SZ", &fields)
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Its day: `2026-11-24`.
    package var day: String {
        let digits = Array(text)
        return "\(String(digits[..<4]))-\(String(digits[4..<6]))-\(String(digits[6..<8]))"
    }

    /// Reads a time as people write it: `20261124T021215Z`, `2026-11-24T02:12:15Z`, or `2026-11-24`, which is that day's end (UTC).
    public init?(written text: String) {
        let plain = text.filter { $0 != "-" && $0 != ":" }
        self.init(plain.count == 8 ? "\(plain)T235959Z" : plain)
    }

    /// So many hours later.
    package func adding(hours: Int) -> SnapshotTime { SnapshotTime(seconds: seconds + hours * 3600) }
}
