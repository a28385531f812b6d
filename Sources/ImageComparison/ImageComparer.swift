import ContentHash
import FileTree
import Glibc
import Host
import RuntimeSpec
import Synchronization

/// Compares two trees: whether they are the same, what differs, and what made it so.
public struct ImageComparer: Sendable {
    /// What the report holds beside the differences.
    public struct Options: Codable, Sendable {
        /// Text diffs and hex windows.
        public var details = true
        /// Sizes by package.
        public var packages = false
        /// Whether pairs of files that are no texts are laid down for another program to compare.
        public var deep = false
        /// The texts of the locks that the images were built from, A's and B's, or the one of both: their files and steps
        /// explain what no package owns.
        public var locks: [String]

        /// - Parameter locks: Texts: A's and B's, or one for both.
        public init(details: Bool = true, packages: Bool = false, deep: Bool = false, locks: [String] = []) {
            (self.details, self.packages, self.deep, self.locks) = (details, packages, deep, locks)
        }
    }

    private static let listLimit = 20_000
    /// Differing files that are read for their causes and details, and how much of each.
    private static let (readLimit, contentLimit) = (2_000, 4 << 20)

    private let options: Options

    /// - Parameter options: What the report holds beside the differences.
    public init(options: Options = Options()) { self.options = options }

    /// - Throws: `ImageReadError` and its like, when one can't be read.
    public func compare(_ pathA: String, _ pathB: String) throws -> ComparisonReport {
        let sizes = (Self.fileSize(pathA), Self.fileSize(pathB))
        if let (x, y) = sizes.0.flatMap({ x in sizes.1.map { (x, $0) } }), x == y, try Self.sameBytes(pathA, pathB) {
            let side = ComparisonReport.Side(path: pathA, format: "the same bytes", size: x, entries: 0)
            var other = side
            other.path = pathB
            return ComparisonReport(identical: true, a: side, b: other)
        }
        let (a, b) = try Self.both { try TreeSource.open($0 == 0 ? pathA : pathB) }
        var report = ComparisonReport(
            identical: false,
            a: .init(path: pathA, format: a.format, size: sizes.0, entries: a.entries.count),
            b: .init(path: pathB, format: b.format, size: sizes.1, entries: b.entries.count))
        var found = try TreeComparison(a, b).run()
        if found.isEmpty {
            if let x = a as? SquashfsTree, let y = b as? SquashfsTree {
                report.differences = PackingComparison.run(x, y, sizes: (sizes.0 ?? 0, sizes.1 ?? 0))
            } else {
                report.identical = true
            }
            return report
        }
        let wanted = options.packages ? nil : Set(found.map { $0.a?.path ?? $0.b?.path ?? [] })
        let (ofA, ofB) = try Self.both { try Owners($0 == 0 ? a : b, wanted: wanted) }
        let owners = (a: ofA, b: ofB)
        let locks = try options.locks.map { try Lockfile(text: $0, file: "the lock") }
        let times = (a: Self.ownTime(a), b: Self.ownTime(b))
        try explain(&found, a, b, owners, locks, times)
        found.sort(by: Self.precedes)
        report.times = [times.a, times.b].map(Describe.time)
        report.release = ReleaseNotes(ofA, ofB, locks: locks.first.flatMap { x in locks.last.map { (x, $0) } })
        report.summary = Self.summary(found.map(\.difference))
        report.omitted = max(0, found.count - Self.listLimit)
        if options.packages { report.packages = Self.sizes(a, b, owners, found) }
        report.differences = found.prefix(Self.listLimit).map(\.difference)
        return report
    }

    /// The same work for each side, at the same time.
    private static func both<Value: Sendable>(_ body: @Sendable (Int) throws -> Value) throws -> (Value, Value) {
        let results = Mutex<[Int: Value]>([:])
        try concurrently(2) { side in
            let value = try body(side)
            results.withLock { $0[side] = value }
        }
        return try results.withLock { values in
            guard let a = values[0], let b = values[1] else { throw CancellationError() }
            return (a, b)
        }
    }

    private static func fileSize(_ path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    private static func sameBytes(_ pathA: String, _ pathB: String) throws -> Bool {
        let descriptors = [open(pathA, O_RDONLY | O_CLOEXEC), open(pathB, O_RDONLY | O_CLOEXEC)]
        defer { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }
        guard descriptors.allSatisfy({ $0 >= 0 }) else { return false }
        let size = 1 << 20
        let (a, b) = (
            UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096),
            UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        )
        defer {
            a.deallocate()
            b.deallocate()
        }
        while true {
            let (x, y) = (read(descriptors[0], a.baseAddress, size), read(descriptors[1], b.baseAddress, size))
            // Reads of regular files are short only at their end.
            guard x == y, x >= 0 else { return false }
            if x == 0 { return true }
            guard bytesAlike(a, b, x) else { return false }
        }
    }

    // MARK: Causes

    private func explain(
        _ found: inout [TreeComparison.Found], _ a: any Tree, _ b: any Tree,
        _ owners: (a: Owners, b: Owners), _ locks: [Lockfile], _ times: (a: Int, b: Int)
    ) throws {
        let readers = (a: try a.makeReader(), b: try b.makeReader())
        let versions = (a: Self.versions(owners.a), b: Self.versions(owners.b))
        var (read, budget) = (0, 20_000_000)
        for index in found.indices {
            var difference = found[index].difference
            let (x, y) = (found[index].a, found[index].b)
            let path = x?.path ?? y?.path ?? []
            let owner = owners.a.owner(of: path) ?? owners.b.owner(of: path)
            // Scripts name folders without making them.
            let isFolder = x?.kind == .directory || y?.kind == .directory
            difference.package = owner ?? (isFolder ? nil : maker(of: path, locks, owners))
            difference.security = Security.concerns(difference.kind, path, x, y)
            var evidence = Evidence(path: difference.path, kind: difference.kind, a: x, b: y)
            if difference.kind == .content, let x, let y, read < Self.readLimit {
                read += 1
                let contents = (
                    try readers.a.bytes(x, limit: Self.contentLimit), try readers.b.bytes(y, limit: Self.contentLimit)
                )
                evidence.contents = contents
                if options.details { difference.detail += details(contents, found[index].offset ?? 0, &budget) }
                if options.deep, x.size <= Self.contentLimit, y.size <= Self.contentLimit,
                    !TextDifference.isText(contents.0, contents.1)
                {
                    difference.extracted = try SpoolFiles.extract(contents)
                }
            }
            if difference.kind == .time, let x, let y {
                difference.detail = ["\(Self.interval(abs(x.time - y.time))) apart"]
            }
            let hasOwnTimes = difference.kind == .time && x?.time == times.a && y?.time == times.b
            difference.cause = (hasOwnTimes ? Cause.imageTime : cause(evidence, owner, versions))?.name
            found[index].difference = difference
        }
    }

    private func cause(_ evidence: Evidence, _ owner: String?, _ versions: (a: [String: String], b: [String: String]))
        -> Cause?
    {
        if let owner, !versions.a.isEmpty, !versions.b.isEmpty, versions.a[owner] != versions.b[owner] {
            return versions.a[owner] == nil || versions.b[owner] == nil ? .packageSet : .packageVersion
        }
        return Cause.first(for: evidence)
    }

    private static func versions(_ owners: Owners) -> [String: String] {
        owners.versions.merging(owners.wheelVersions) { first, _ in first }
    }

    /// The time that an image gives its entries: its superblock's, or the newest that there is; seconds since 1970-01-01 UTC.
    private static func ownTime(_ tree: any Tree) -> Int {
        (tree as? SquashfsTree)?.superblock.time ?? tree.entries.map(\.time).max() ?? 0
    }

    /// What made a file that no package owns: a file or a step of the lock, or a maintainer script.
    private func maker(
        of path: [UInt8], _ locks: [Lockfile], _ owners: (a: Owners, b: Owners)
    ) -> String? {
        let name = readable(path)
        for lock in locks {
            if lock.contents.ownFiles.contains(where: { $0.target == name }) { return "a file of the manifest" }
            // What a folder for the whole image holds, its list alone says.
            if let tree = lock.contents.trees.first(where: {
                $0.source.target != "/" && name.hasPrefix($0.source.target + "/")
            }) {
                return "the manifest's \(tree.source.source)/"
            }
            if let step = lock.contents.steps.firstIndex(where: { $0.contains(name) }) { return "step \(step + 1)" }
        }
        return (owners.a.packages.scriptNaming(path) ?? owners.b.packages.scriptNaming(path)).map {
            "a script of \($0)"
        }
    }

    private func details(_ contents: ([UInt8], [UInt8]), _ offset: Int, _ budget: inout Int) -> [String] {
        TextDifference.unified(contents.0, contents.1, budget: &budget)
            ?? (offset < Self.contentLimit ? TextDifference.window(contents.0, contents.1, at: offset) : [])
    }

    static func interval(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) days"
        }
    }

    // MARK: Order and summary

    private static func precedes(_ x: TreeComparison.Found, _ y: TreeComparison.Found) -> Bool {
        let (a, b) = (x.difference, y.difference)
        if a.security != b.security { return a.security }
        if a.path != b.path { return a.path.utf8.lexicographicallyPrecedes(b.path.utf8) }
        return a.kind.rawValue < b.kind.rawValue
    }

    private static func summary(_ differences: [ComparisonReport.Difference]) -> [ComparisonReport.Group] {
        let known = Dictionary(
            (Cause.all + [.packageVersion, .packageSet, .imageTime]).map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first })
        return Dictionary(grouping: differences, by: \.cause)
            .map { cause, group in
                ComparisonReport.Group(
                    cause: cause, count: group.count,
                    reason: cause.flatMap { known[$0]?.reason } ?? "no known cause fits",
                    remedy: cause.flatMap { known[$0]?.remedy } ?? "look at the differences themselves",
                    packages: Dictionary(grouping: group.compactMap(\.package)) { $0 }
                        .map { .init(name: $0, count: $1.count) }
                        .sorted { ($1.count, $0.name) < ($0.count, $1.name) },
                    paths: Array(Set(group.map(\.path)).sorted().prefix(5)))
            }
            .sorted { ($1.count, $0.cause ?? "~") < ($0.count, $1.cause ?? "~") }
    }

    private static func sizes(
        _ a: any Tree, _ b: any Tree, _ owners: (a: Owners, b: Owners),
        _ found: [TreeComparison.Found]
    ) -> [ComparisonReport.PackageSize] {
        var sizes: [String: ComparisonReport.PackageSize] = [:]
        func change(_ package: String?, _ body: (inout ComparisonReport.PackageSize) -> Void) {
            let name = package ?? "no package"
            var size = sizes[name] ?? .init(package: name, a: 0, b: 0, differences: 0)
            body(&size)
            sizes[name] = size
        }
        for entry in a.entries { change(owners.a.owner(of: entry.path)) { $0.a += Self.size(entry, a) } }
        for entry in b.entries { change(owners.b.owner(of: entry.path)) { $0.b += Self.size(entry, b) } }
        for one in found where one.difference.cause != Cause.imageTime.name {
            let path = one.a?.path ?? one.b?.path ?? []
            change(owners.a.owner(of: path) ?? owners.b.owner(of: path)) { $0.differences += 1 }
        }
        return sizes.values.sorted { ($1.a + $1.b, $0.package) < ($0.a + $0.b, $1.package) }
    }

    static func size(_ entry: TreeEntry, _ tree: any Tree) -> Int {
        (tree as? SquashfsTree)?.storedSize(entry) ?? entry.size
    }
}
