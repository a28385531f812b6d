import Mirrors
import RuntimeSpec

/// Which state of each suite is locked.
struct SuiteStates: Sendable {
    let reader: SuiteReader
    /// The time whose states are meant; nil for the newest.
    let time: SnapshotTime?
    /// Whether a Release past its Valid-Until counts.
    let allowExpired: Bool
    /// States that are locked already: nothing is taken from before them.
    var locked: [Lockfile.Archive] = []
    /// Gets what the user has to know.
    let note: @Sendable (String) -> Void

    /// A state of each suite, in their order.
    /// - Throws: `ResolutionError.expired`, `.suiteMissing`, and what reading a suite throws.
    func states(of suites: DebianSuites) async throws -> [ArchiveState] {
        var states: [ArchiveState] = []
        for name in suites.suites { states.append(try await state(of: .init(name, of: suites), in: suites)) }
        return states
    }

    /// The newest state of each archive of other people, in their order.
    func states(of archives: [SuiteReader.Suite]) async throws -> [ArchiveState] {
        var states: [ArchiveState] = []
        for archive in archives {
            if time != nil { note("\(archive.place) is taken as it is now: --at is for Debian's suites") }
            let state = try await reader.newest(archive, allowExpired: allowExpired)
            if !state.otherNames.isEmpty {
                note("\(archive.place) calls itself \(state.otherNames.joined(separator: ", "))")
            }
            states.append(state)
        }
        return states
    }

    private func state(of suite: SuiteReader.Suite, in suites: DebianSuites) async throws -> ArchiveState {
        if let time {
            return try await reader.state(of: suite, at: time, isNamed: false, allowExpired: true, isStrict: true)
        }
        do {
            return try await reader.newest(suite, allowExpired: allowExpired)
        } catch let error as ResolutionError {
            guard let end = suites.end.flatMap({ SnapshotTime($0) }), let reason = error.absence else { throw error }
            let found = try await last(suite, before: end)
            note(
                "\(suites.release)'s support ended on \(end.day), and \(suite.name) \(reason): locked at its last state, of "
                    + found.archive.snapshot)
            return found
        }
    }

    /// The last state of a suite of a release that has ended, or what is locked, where that is newer.
    private func last(_ suite: SuiteReader.Suite, before end: SnapshotTime) async throws -> ArchiveState {
        let held = locked.filter { $0.place == suite.place }.max { $0.snapshot < $1.snapshot }
        if let held, held.snapshot >= end.text { return try await reader.locked(held) }
        return try await reader.state(of: suite, at: end, isNamed: false, allowExpired: true, isStrict: true)
    }
}

extension ResolutionError {
    /// Why a suite has no newest state to lock; nil for what is wrong with it otherwise.
    fileprivate var absence: String? {
        switch self {
        case .expired(_, let validUntil, _): "expired on \(validUntil)"
        case .suiteMissing: "is on no mirror any more"
        default: nil
        }
    }
}
