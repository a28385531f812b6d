import Glibc
import Host
import ImageComparison

/// Finds out what makes two images of a lock differ: whether it takes any variation, and if so which, one at a time or by
/// halves where there are many.
struct CulpritSearch {
    typealias Built = ReproducibilityCheck.Built
    typealias Culprit = CheckReport.Culprit

    private let check: ReproducibilityCheck
    private let plan: ReproducibilityCheck.Plan
    /// Built with nothing varied.
    private let first: Built
    /// Where images are built.
    private let folder: String
    private var count = 0
    /// Of which it is told what wrote them.
    private var watched: [String] = []
    /// Paths whose culprit is known.
    private var known: Set<String> = []
    /// Variations that show by what they take alone.
    private var shown: Set<Variation> = []
    /// What was found besides.
    private(set) var notes: [String] = []

    private static let listed = 50
    /// `compare`'s causes that are the clock's.
    private static let timeCauses: Set = ["time-in-file", "time-stamp", "python-byte-code-time", "gzip-header"]
    private static let randomRemedy =
        "it comes without any variation: look for random numbers, hashes of addresses, and threads that race"

    init(
        check: ReproducibilityCheck, plan: ReproducibilityCheck.Plan, first: Built, folder: String
    ) {
        (self.check, self.plan, self.first, self.folder) = (check, plan, first, folder)
    }

    /// - Parameter other: Built with these varied; another image than the first.
    /// - Returns: None where the images differ by what it takes to vary something alone.
    mutating func culprits(of varied: Set<Variation>, shownBy other: Built) async throws -> [Culprit] {
        let differing = await differing(first, other)
        watched = Array(differing?.prefix(1000) ?? [])
        var found: [Culprit] = []
        let again = try await build(.init())
        defer { unlink(again.path) }
        if again.identity != first.identity {
            guard let culprits = try await withoutVariation(again) else {
                return [await culprit([], first, again, isUnvaried: true)]
            }
            found = culprits
            // All that differs is known.
            if differing?.allSatisfy(known.contains) ?? true { return found }
        }
        found += try await search(Variation.allCases.filter(varied.contains), isKnown: found.isEmpty)
        if found.isEmpty, shown.isEmpty {
            // Seen once, and not again: at random after all, though seldom.
            return [
                Culprit(variations: [], entries: [], omitted: 0, remedy: Self.randomRemedy, withoutVariation: true)
            ]
        }
        return found
    }

    /// Builds under a name of its own, which goes with the folder, or before.
    private mutating func build(_ conditions: BuildConditions) async throws -> Built {
        var conditions = conditions
        conditions.watched = watched
        count += 1
        return try await check.build(conditions, plan, "\(folder)/search-\(count)")
    }

    // MARK: without any variation

    /// Two builds of the same conditions differ: by chance, or because time went on. Under a clock that stands still what
    /// depends on the time alone is the same again.
    /// - Returns: nil where there is too much to tell, or nothing.
    private mutating func withoutVariation(_ again: Built) async throws -> [Culprit]? {
        guard let report = await check.differences(first, again), report.omitted == 0 else { return nil }
        let differing = Set(Self.contents(of: report).map(\.path))
        if differing.isEmpty { return nil }
        var timed = Set(
            report.differences.filter { $0.cause.map(Self.timeCauses.contains) ?? false }.map(\.path))
        var random = differing.subtracting(timed)
        if plan.clock != nil, !random.isEmpty {
            let (one, two) = (
                try await build(.init(control: .time, isFrozen: true)),
                try await build(.init(control: .time, isFrozen: true))
            )
            defer { for image in [one, two] { unlink(image.path) } }
            let report = one.identity == two.identity ? nil : await check.differences(one, two)
            if one.identity == two.identity || report?.omitted == 0 {
                let stopped = Set(report.map(Self.contents)?.map(\.path) ?? [])
                timed.formUnion(random.subtracting(stopped))
                random.formIntersection(stopped)
                known.formUnion(stopped)
            }
        }
        known.formUnion(differing)
        var found: [Culprit] = []
        if !random.isEmpty {
            found.append(culprit([], report, [first, again], isUnvaried: true) { random.contains($0) })
        }
        if !timed.isEmpty {
            found.append(culprit([.time], report, [first, again], isUnvaried: true) { timed.contains($0) })
        }
        return found
    }

    // MARK: one variation at a time

    /// - Parameter isKnown: Whether these are known to make a difference together.
    private mutating func search(_ names: [Variation], isKnown: Bool) async throws -> [Culprit] {
        if !isKnown || names.count == 1 {
            let other = try await build(.init(varied: Set(names)))
            defer { unlink(other.path) }
            guard await differs(first, other) else { return [] }
            if let name = names.first, names.count == 1 { return try await culprits(name, other) }
        }
        let half = names.count / 2
        let parts = [Array(names[..<half]), Array(names[half...])].filter { !$0.isEmpty }
        var found: [Culprit] = []
        for part in parts { found += try await search(part, isKnown: false) }
        let rest = names.filter { !shown.contains($0) }
        if !found.isEmpty || rest.count < 2 { return found }
        // Each half alone makes none.
        let together = try await build(.init(varied: Set(rest)))
        defer { unlink(together.path) }
        return await differs(first, together) ? [await culprit(rest, first, together)] : []
    }

    /// A variation is to blame for what it does, not for what it takes: a library in every program, a file system between.
    private mutating func culprits(_ name: Variation, _ other: Built) async throws -> [Culprit] {
        guard name == .time || name == .directoryOrder else { return [await culprit([name], first, other)] }
        let control = try await build(.init(control: name))
        defer { unlink(control.path) }
        guard await differs(first, control) else { return [await culprit([name], first, other)] }
        let effect = await differs(control, other) ? [await culprit([name], control, other)] : []
        guard let takes = await check.differences(first, control) else { return effect }
        let paths = Set(effect.flatMap(\.entries).map(\.path)).union(known)
        let rest = culprit([.fileSystem], takes, [first, control], isUnvaried: false) { !paths.contains($0) }
        if rest.entries.isEmpty { return effect }
        if name == .directoryOrder { return effect + [rest] }
        shown.insert(name)
        notes += rest.entries.prefix(10).map { entry in
            "\(entry.path)\(entry.by.map { ", by \($0)" } ?? "") shows the variables of the other clock "
                + "(LD_PRELOAD, FAKETIME_*); compared with one that is right"
        }
        return effect
    }

    // MARK: what differs

    private static func contents(of report: ComparisonReport) -> [ComparisonReport.Difference] {
        report.differences.filter { $0.kind != .packing }
    }

    /// nil where the images can't be compared.
    private func differing(_ one: Built, _ other: Built) async -> [String]? {
        await check.differences(one, other).map { Self.contents(of: $0).map(\.path) }
    }

    /// Whether they differ in more than is known.
    private func differs(_ one: Built, _ other: Built) async -> Bool {
        if one.identity == other.identity { return false }
        if known.isEmpty { return true }
        return await differing(one, other)?.contains { !known.contains($0) } ?? true
    }

    private func culprit(
        _ names: [Variation], _ one: Built, _ other: Built, isUnvaried: Bool = false
    ) async -> Culprit {
        guard let report = await check.differences(one, other) else {
            return Culprit(
                variations: names, entries: [], omitted: 0, remedy: Self.remedy(names), withoutVariation: isUnvaried)
        }
        return culprit(names, report, [one, other], isUnvaried: isUnvaried) { !known.contains($0) }
    }

    private func culprit(
        _ names: [Variation], _ report: ComparisonReport, _ built: [Built], isUnvaried: Bool,
        of isWanted: (String) -> Bool
    ) -> Culprit {
        // Packing differs wherever contents do.
        let contents = Self.contents(of: report)
        let shown = contents.isEmpty ? report.differences : contents.filter { isWanted($0.path) }
        let entries = shown.prefix(Self.listed).map { difference in
            let writer = built.reversed().lazy.compactMap { $0.heard.writers[difference.path] }.first
            let by = writer.map { $0.hasPrefix("the base") ? difference.package.map { "package \($0)" } ?? $0 : $0 }
            return CheckReport.Entry(
                path: difference.path, kind: difference.kind, cause: difference.cause,
                by: by ?? difference.package.map { "package \($0)" })
        }
        return Culprit(
            variations: names, entries: entries, omitted: shown.count - entries.count + report.omitted,
            remedy: Self.remedy(names), withoutVariation: isUnvaried)
    }

    private static func remedy(_ names: [Variation]) -> String {
        names.isEmpty ? randomRemedy : names.map(\.remedy).joined(separator: "; ")
    }
}
