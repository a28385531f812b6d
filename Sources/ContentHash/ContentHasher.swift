import Glibc
import Host

/// What a stream of bytes is called: SHA-256 and CIDs, computed side by side in one reading.
///
///     let hasher = ContentHasher(profiles: UnixFSProfile.named)
///     while let bytes = nextBytes() { bytes.withUnsafeBytes { hasher.update($0) } }
///     print(hasher.finalize().sha256)
///
/// Bytes are gathered into blocks of about a mebibyte. A stream of one block is hashed by the caller's thread; with
/// more, as many threads as there are processors share the work, and `update` waits while they are busy. Memory: ten
/// blocks, and a node a level of each DAG. Not for two threads at once.
public final class ContentHasher {
    private let profiles: [UnixFSProfile]
    private let digest = DigestLane()
    private let wrapped: [WrappedLeavesLane]
    private let raw: [RawLeavesLane]
    private let rawGroups: [[UnixFSProfile]]
    private let blockSize: Int
    private let threads: Int
    private var pipeline: HashPipeline?
    private let first: UnsafeMutableRawBufferPointer
    private var block: UnsafeMutableRawBufferPointer
    private var used = 0
    private var size = 0

    /// - Parameters:
    ///   - profiles: Which CIDs to compute. Chunk sizes that don't divide one another are no profiles of one hasher.
    ///   - threads: How many threads hash; nil for one a processor, but no more than there is work for.
    public init(profiles: [UnixFSProfile] = [.v0_2015], threads: Int? = nil) {
        self.profiles = profiles
        let rawProfiles = profiles.filter(\.rawLeaves).sorted { $0.chunkSize < $1.chunkSize }
        rawGroups = rawProfiles.isEmpty ? [] : [rawProfiles]
        wrapped = profiles.filter { !$0.rawLeaves }.map { WrappedLeavesLane(profile: $0) }
        raw = rawGroups.map { RawLeavesLane(profiles: $0) }
        let largest = profiles.map(\.chunkSize).max() ?? 1
        precondition(
            profiles.allSatisfy { largest.isMultiple(of: $0.chunkSize) }, "chunk sizes that don't divide the largest")
        blockSize = max(1, (1 << 20) / largest) * largest
        let processors = max(1, processorCount)
        self.threads = threads ?? min(processors, 1 + wrapped.count + raw.count)
        first = .allocate(byteCount: blockSize, alignment: 4096)
        block = first
    }

    deinit { first.deallocate() }

    private var lanes: [any HashLane] { [digest] + wrapped + raw }

    /// Appends bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = self.room
            let part = rest.prefix(room.count)
            room.copyBytes(from: part)
            commit(part.count)
            rest = rest.dropFirst(part.count)
        }
    }

    /// Where the next bytes may be put, which `commit` then takes: reading straight into it saves a copy.
    var room: UnsafeMutableRawBufferPointer {
        // A full block is handed over only when more is to come: the last one has its own way.
        if used == blockSize { handOver() }
        return UnsafeMutableRawBufferPointer(rebasing: block[used...])
    }

    /// Takes the first bytes of `room`.
    func commit(_ count: Int) {
        used += count
        size += count
    }

    private func handOver() {
        let pipeline = pipeline ?? HashPipeline(lanes: lanes, blockSize: blockSize, depth: 8, threads: threads)
        if self.pipeline == nil {
            self.pipeline = pipeline
            pipeline.nextBlock().copyMemory(from: UnsafeRawBufferPointer(first))
        }
        pipeline.submit(used)
        (block, used) = (pipeline.nextBlock(), 0)
    }

    /// The names of all bytes seen. No more may come.
    public func finalize() -> FileIdentity {
        if let pipeline {
            if used > 0 { pipeline.submit(used) }
            pipeline.end()
        } else if used > 0 {
            for lane in lanes { lane.take(UnsafeRawBufferPointer(rebasing: block[..<used])) }
        }
        var cids: [UnixFSProfile: CID] = [:]
        for (profile, lane) in zip(profiles.filter { !$0.rawLeaves }, wrapped) { cids[profile] = lane.finish() }
        for (group, lane) in zip(rawGroups, raw) {
            for (profile, cid) in zip(group, lane.finish()) { cids[profile] = cid }
        }
        return FileIdentity(
            size: size, sha256: digest.finish(),
            cids: profiles.compactMap { profile in cids[profile].map { .init(profile: profile, cid: $0) } })
    }
}
