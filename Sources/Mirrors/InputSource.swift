import Host
import InputStore
import RuntimeSpec

/// A place where an input may be.
enum InputSource: Sendable {
    /// A file of this machine.
    case file(String)
    /// A bundle's CAR, by its path.
    case bundle(String)
    /// A URL of its own.
    case url(String)
    /// A web server that may have objects, by its base.
    case objects(String)
    /// A bundle's folder behind a gateway.
    case gateway(Gateway.Place)

    /// Whether it is on this machine.
    var isLocal: Bool {
        switch self {
        case .file, .bundle: true
        case .url, .objects, .gateway: false
        }
    }

    /// A path of this machine, or a URL: the snapshot archive may be a folder too.
    init(place: String) { self = place.hasPrefix("/") ? .file(place) : .url(place) }
}

extension MirrorList {
    /// Where an input may be, in order: by its hash on this machine; then, mirror by mirror, by its path and by its hash; the snapshot
    /// archive.
    /// - Parameter hasObjects: Whether a server, by its base, has served objects: then it is asked for these first.
    func sources(of wanted: RemoteInput, hasObjects: (String) -> Bool) -> [InputSource] {
        let (path, place) = (wanted.input.path, Store.place(of: wanted.input.sha256))
        let local = general.compactMap { mirror -> InputSource? in
            switch mirror.kind {
            case .bundle: .bundle(mirror.base)
            case .folder: .file("\(mirror.base)/\(place)")
            case .server, .gateway: nil
            }
        }
        func asked(_ mirror: Mirror, byPath: Bool = true) -> [InputSource] {
            switch mirror.kind {
            case .folder: byPath ? [.file(mirror.url(of: path))] : []
            case .server where mirror.family != nil: [.url(mirror.url(of: path))]
            case .server where !byPath: [.objects(mirror.base)]
            case .server:
                hasObjects(mirror.base)
                    ? [.objects(mirror.base), .url(mirror.url(of: path))]
                    : [.url(mirror.url(of: path)), .objects(mirror.base)]
            case .bundle: []
            case .gateway(let place): [.gateway(place)]
            }
        }
        switch wanted.origin {
        case .debian(let archive) where archive.thirdParty != nil:
            // It has one server; a copy of it, which somebody kept, is a mirror for anything.
            let own = InputSource(place: Mirror(archive.thirdParty?.url ?? "").url(of: path))
            return local + [own] + general.flatMap { asked($0) }
        case .debian(let archive):
            let family = DebianArchiveFamily(suite: archive.suite)
            let own = mirrors.filter { $0.family == nil || $0.family == family }
            return local + own.flatMap { asked($0) } + snapshotURLs(of: path, in: archive).map(InputSource.init(place:))
        case .alpine:
            return local + general.flatMap { asked($0) }
                + alpine.map { InputSource(place: $0.url(of: path)) }
        case .web: return local + [.url(path)] + general.flatMap { asked($0, byPath: false) }
        case .objects: return local + general.flatMap { asked($0, byPath: false) }
        }
    }

    /// The snapshot archive serves the state at or before a time, and imports a Release some hours after its Date: so
    /// the next hours and days are tried as well.
    private func snapshotURLs(of path: String, in archive: Lockfile.Archive) -> [String] {
        guard let time = SnapshotTime(archive.snapshot) else { return [] }
        return snapshots(forSuite: archive.suite, at: time).map { $0.url(of: path) }
    }
}
