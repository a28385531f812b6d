import Host
import Mirrors
import RuntimeSpec

/// Which states of archives an image is looked up in.
extension LockDraft {
    /// The states that an image was likely made from, and newer ones, where a version may be that was not there yet.
    struct States {
        var likely: [ArchiveState] = []
        var newer: [ArchiveState] = []

        /// Where no older state could be had: what the reader of the draft must know of it.
        var remarks: [String] = []

        var all: [ArchiveState] { likely + newer }
    }

    /// - Parameters:
    ///   - sources: What the image's own apt names.
    ///   - time: The image's, for suites that those give no time of; seconds since 1970-01-01 UTC, 0 when unknown.
    func states(of suites: DebianSuites, sources: [Source] = [], time: Int) async throws -> States {
        var states = States()
        for suite in suites.suites {
            let reading = SuiteReader.Suite(suite, of: suites)
            let newest = try await debian.reader.newest(reading, allowExpired: true)
            let named = sources.filter { $0.suite == suite }.compactMap(\.time)
            let times = named.isEmpty ? [SnapshotTime(seconds: time > 0 ? time : newest.date)] : named
            var found: [ArchiveState] = []
            for time in times {
                if time.seconds >= newest.date {
                    found.append(newest)
                    continue
                }
                do {
                    found.append(
                        try await debian.reader.state(
                            of: reading, at: time, isNamed: !named.isEmpty, allowExpired: allowExpired))
                } catch  where isInputFailure(error) {
                    let note = "no state of \(suite) at \(time.text) can be had; its newest is looked in"
                    events(.note(note))
                    states.remarks.append(note)
                }
            }
            if found.isEmpty { found = [newest] }
            states.likely += found
            if !found.contains(where: { $0.archive == newest.archive }) { states.newer.append(newest) }
        }
        let named = DebianResolution.States(base: states.likely, toolchain: [], compiler: [], older: states.newer)
            .named()
        (states.likely, states.newer) = (named.base, named.older)
        return states
    }

    /// - Parameter base: The image's own states, where its packer may come from those; Debian 12's where they lack it.
    func toolchain(
        _ base: States?, time: Int, withPython: Bool, withInterpreter: Bool
    ) async throws -> (packages: [Lockfile.Package], states: States, stanzas: [PackageIndex.Stanza]) {
        let names = DebianResolution.toolNames(hasPython: withPython, isEmpty: withInterpreter)
        let states: States
        if let base, Self.has(names, base.likely) {
            states = base
        } else {
            var found = try await self.states(of: suites ?? .bookworm, time: time)
            if suites != nil, !Self.has(names, found.likely) {
                found = try await self.states(of: .bookworm, time: time)
            }
            states = found
        }
        let entries = try DebianResolution.entries(
            of: try await AptResolver().resolve(names, from: states.likely), in: states.likely)
        return (try entries.map { try DebianResolution.package($0, stage: 0) }, states, entries.map(\.stanza))
    }

    static func has(_ names: [String], _ states: [ArchiveState]) -> Bool {
        let indexes = states.flatMap(\.indexes)
        return names.allSatisfy { name in indexes.contains { !$0.stanzas(named: name).isEmpty } }
    }
}
