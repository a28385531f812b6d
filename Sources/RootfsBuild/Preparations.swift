import RuntimeSpec
import Sandbox

/// Batches of packages that are decompressed one after the other while others are unpacked and set up, as many ahead as there is
/// room for.
struct Preparations {
    /// Bytes of packages, compressed, that may wait: decompressed they are about four times as many, in the root's own file system.
    private static let limit = 64_000_000

    private let batches: [[Lockfile.Package]]
    private let prepare: @Sendable ([Lockfile.Package]) async throws -> [PreparedPackage]
    private var tasks: [Task<[PreparedPackage], any Error>] = []
    private var taken = 0

    /// Begins with the first.
    init(
        _ batches: [[Lockfile.Package]],
        _ prepare: @escaping @Sendable ([Lockfile.Package]) async throws -> [PreparedPackage]
    ) {
        (self.batches, self.prepare) = (batches, prepare)
        startWhatFits()
    }

    /// The next batch, when it is ready; what comes after it goes on meanwhile.
    mutating func next() async throws -> [PreparedPackage] {
        let batch = try await tasks[taken].value
        taken += 1
        startWhatFits()
        return batch
    }

    private mutating func startWhatFits() {
        func size(_ batch: [Lockfile.Package]) -> Int { batch.reduce(0) { $0 + $1.file.size } }
        var waiting = batches[taken..<tasks.count].reduce(0) { $0 + size($1) }
        while tasks.count < batches.count, waiting == 0 || waiting + size(batches[tasks.count]) <= Self.limit {
            let (before, batch, prepare) = (tasks.last, batches[tasks.count], prepare)
            // One after the other: each has all processors.
            tasks.append(
                Task {
                    _ = try await before?.value
                    return try await prepare(batch)
                })
            waiting += size(batch)
        }
    }
}
