import CLinux
import Glibc
import Host
import RuntimeSpec

/// A place that serves an archive's files by their paths.
public struct Mirror: Hashable, Sendable {
    /// An http(s) URL or an absolute folder, without a slash at its end.
    public let base: String
    /// The family that it serves; nil when any may be tried.
    public let family: DebianArchiveFamily?

    /// - Parameter family: Which of Debian's archives it serves; nil for whatever is asked.
    public init(_ base: String, family: DebianArchiveFamily? = nil) {
        var text = base.hasPrefix("file:") ? String(base.dropFirst(5)) : base
        // file:/path, file:///path, file://localhost/path (RFC 8089).
        if text.hasPrefix("//localhost/") { text = String(text.dropFirst("//localhost".count)) }
        if text.hasPrefix("///") { text = String(text.dropFirst(2)) }
        while text.hasSuffix("/"), text != "/" { text.removeLast() }
        self.base = text.contains("://") ? text : Paths.absolute(text)
        self.family = family
    }

    /// Whether it is a folder on this machine.
    public var isDirectory: Bool { base.hasPrefix("/") }

    /// Its base for people: without user and password.
    public var shown: String { WebAddress.withoutLogin(base) }

    func url(of path: String) -> String { "\(base)/\(isDirectory ? path : WebAddress.encodedPath(path))" }
}

/// Every mirror of this run, in the order in which they are tried: options, the user's configuration, the host's apt
/// sources, the snapshot archive.
public struct MirrorList: Sendable {
    /// Those that were given, and the host's.
    public let mirrors: [Mirror]
    /// Lists of mirrors that a server has (apt-transport-mirror(1)), with the place that its mirrors have in the order.
    let lists: [MirrorFile]
    let snapshot: String?
    private let alpine: [Mirror]

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
        return mirrors.filter { $0.family == nil || $0.family == family }
    }

    /// The mirrors for Alpine's files.
    public var alpineMirrors: [Mirror] { mirrors.filter { $0.family == nil } + alpine }

    /// Where an input may be, in order.
    func urls(of wanted: RemoteInput) -> [String] {
        let path = wanted.input.path
        return switch wanted.origin {
        case .debian(let archive) where archive.thirdParty != nil:
            // It has one server; a copy of it, which somebody kept, is a mirror for anything.
            ([Mirror(archive.thirdParty?.url ?? "")] + mirrors.filter { $0.family == nil }).map { $0.url(of: path) }
        case .debian(let archive):
            mirrors(forSuite: archive.suite).map { $0.url(of: path) } + snapshotURLs(of: path, in: archive)
        case .alpine: alpineMirrors.map { $0.url(of: path) }
        case .web: [path]
        }
    }

    /// The snapshot archive serves the state at or before a time, and imports a Release some hours after its Date: so
    /// the next hours and days are tried as well.
    private func snapshotURLs(of path: String, in archive: Lockfile.Archive) -> [String] {
        guard let time = SnapshotTime(archive.snapshot) else { return [] }
        return snapshots(forSuite: archive.suite, at: time).map { $0.url(of: path) }
    }

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
