/// Why a manifest can't be locked, or a lock doesn't hold.
public enum ResolutionError: Error, CustomStringConvertible {
    /// A Release that no allowed key signed, or whose signature is bad.
    case signature(suite: String, reason: String)
    /// The Release of another suite.
    case otherSuite(suite: String, found: [String])
    /// A Release past its Valid-Until.
    case expired(suite: String, validUntil: String, hasOldStates: Bool)
    /// A suite that no mirror has.
    case suiteMissing(suite: String, reason: String)
    /// An archive of other people that can't be had.
    case archiveMissing(archive: String, reason: String)
    /// A Release that isn't one, or an index that doesn't follow from it.
    case malformed(String)
    /// A program of the host that locking needs.
    case programMissing(String, package: String)
    /// apt-get's own words.
    case unresolvable(String)
    /// An update that would go back in time.
    case olderRelease(suite: String, locked: String, found: String)
    /// A lock that its own archives contradict.
    case contradicted([String])
    /// A lock of format 1 follows from its archives, but doesn't say what was asked for.
    case selectionUnknown
    /// Manifest and lock don't belong together.
    case stale(manifest: String, lock: String)
    /// `--update` of a package that the lock doesn't have.
    case notLocked(String)
    /// Inputs that verification needs and the store lacks.
    case inputsMissing([String], store: String)
    /// Pre-Depends that go round in a circle outside the Essential set.
    case cycle([String])
    /// `--offline`, and only the network knows.
    case offline(String)
    /// A file that the manifest names.
    case fileUnreadable(String)

    /// Whether it was decided that something differs (exit 1) rather than left open (exit 2).
    public var isDecided: Bool {
        switch self {
        case .stale, .contradicted: true
        default: false
        }
    }

    /// For people.
    public var description: String {
        switch self {
        case .signature(let suite, let reason):
            "the Release of \(suite) is not trusted: \(reason)"
        case .otherSuite(let suite, let found):
            "the Release served for \(suite) is "
                + (found.isEmpty ? "of a suite that it doesn't name" : "that of \(found.joined(separator: ", "))")
                + "; choose another mirror"
        case .expired(let suite, let validUntil, let hasOldStates):
            "the Release of \(suite) expired on \(validUntil): the "
                + (hasOldStates
                    ? "mirror may be stale or replaying an old state; choose another mirror, pass --at TIME to lock a state "
                        + "that the snapshot archive has, or --allow-expired to lock that one all the same"
                    : "server may be replaying an old state; pass --allow-expired to lock that one all the same")
        case .archiveMissing(let archive, let reason):
            "\(reason)\nthe archive \(archive) can't be had: look at its 'url' and 'suite' in the manifest"
        case .suiteMissing(let suite, let reason):
            "\(reason)\nno mirror has \(suite); pass --at TIME to lock a state that the snapshot archive has"
        case .malformed(let reason): reason
        case .programMissing(let program, let package):
            "\(program) is not installed; run: apt-get install \(package)"
        case .unresolvable(let text): "apt-get found no way to install these packages together:\n\(text)"
        case .olderRelease(let suite, let locked, let found):
            "the mirror's Release of \(suite) is of \(found), older than the locked one of \(locked); "
                + "nothing was changed; choose a mirror that is up to date"
        case .contradicted(let reasons):
            "the lock does not follow from its archives:\n" + reasons.map { "  \($0)\n" }.joined()
                + "Do not build it; lock the manifest anew and compare (rtverify lock diff)."
        case .selectionUnknown:
            "everything in the lock follows from its archives, but its format is 1 and doesn't say what was asked for: "
                + "whether a package was added can't be told; run: rtverify lock upgrade MANIFEST -o LOCK"
        case .stale(let manifest, let lock):
            "\(lock) was not made from \(manifest) as it is now; run: rtverify lock \(manifest) -o \(lock)"
        case .notLocked(let name): "the lock has no package '\(name)' to update"
        case .inputsMissing(let paths, let store):
            "the store \(store) lacks what the lock follows from:\n" + paths.map { "  \($0)\n" }.joined()
                + "Pass --fetch to get it from the mirrors and the snapshot archive."
        case .cycle(let names): "the Pre-Depends of \(names.joined(separator: ", ")) go round in a circle"
        case .offline(let what): "--offline: \(what) can be resolved with the network only"
        case .fileUnreadable(let path): "cannot read \(path), which the manifest names"
        }
    }
}
