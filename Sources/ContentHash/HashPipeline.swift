import Glibc

/// Hands a stream's blocks to lanes on several threads: each lane gets every block in order, and whichever thread is
/// free takes the lane that is furthest behind.
///
///     reader   blocks:  | 7 | 8 |...      at most `depth` at once
///     SHA-256 lane          ^ 8
///     CID lane          ^ 7
///
/// A lane may follow another: then it gets a block when that one is done with it.
///
/// Memory: `depth` blocks. One thread fills blocks; `deinit` ends the others.
final class HashPipeline {
    private let shared: Shared
    private var threads: [pthread_t] = []

    /// What the threads share, under `mutex`.
    private final class Shared: @unchecked Sendable {
        let lanes: [any HashLane]
        /// The lane that each lane follows.
        let leaders: [Int?]
        let blocks: [UnsafeMutableRawBufferPointer]
        var sizes: [Int]
        /// How many blocks have been filled.
        var filled = 0
        /// How many of them each lane has had.
        var positions: [Int]
        var isTaken: [Bool]
        var isEnded = false
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

        init(lanes: [any HashLane], following: [Int: Int], blockSize: Int, depth: Int) {
            self.lanes = lanes
            leaders = lanes.indices.map { following[$0] }
            blocks = (0..<depth).map { _ in .allocate(byteCount: blockSize, alignment: 4096) }
            sizes = [Int](repeating: 0, count: depth)
            positions = [Int](repeating: 0, count: lanes.count)
            isTaken = [Bool](repeating: false, count: lanes.count)
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(changed, nil)
        }

        deinit {
            blocks.forEach { $0.deallocate() }
            pthread_cond_destroy(changed)
            pthread_mutex_destroy(mutex)
            changed.deallocate()
            mutex.deallocate()
        }

        func locked<Value>(_ body: () -> Value) -> Value {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return body()
        }

        /// Waits, under the lock, until something has changed.
        func wait() { pthread_cond_wait(changed, mutex) }

        func wake() { pthread_cond_broadcast(changed) }

        /// A lane to go on with: the one furthest behind.
        func nextLane() -> Int? {
            lanes.indices.filter { lane in
                !isTaken[lane] && positions[lane] < leaders[lane].map { positions[$0] } ?? filled
            }.min { positions[$0] < positions[$1] }
        }

        /// A thread's life: takes lanes until all have had all blocks.
        func work() {
            var lane: Int?
            while true {
                let next: (lane: Int, block: UnsafeRawBufferPointer)? = locked {
                    if let done = lane {
                        positions[done] += 1
                        isTaken[done] = false
                        wake()
                    }
                    while true {
                        if let found = nextLane() {
                            isTaken[found] = true
                            let slot = positions[found] % blocks.count
                            return (found, UnsafeRawBufferPointer(rebasing: blocks[slot][..<sizes[slot]]))
                        }
                        if isEnded, positions.allSatisfy({ $0 == filled }) { return nil }
                        wait()
                    }
                }
                guard let next else { return }
                lanes[next.lane].take(next.block)
                lane = next.lane
            }
        }
    }

    /// - Parameters:
    ///   - following: For a lane that follows another, both by their places in `lanes`.
    ///   - blockSize: Bytes a block.
    ///   - depth: Blocks that are held at once.
    ///   - threads: How many threads hash, besides the one that fills blocks.
    init(lanes: [any HashLane], following: [Int: Int] = [:], blockSize: Int, depth: Int, threads: Int) {
        shared = Shared(lanes: lanes, following: following, blockSize: blockSize, depth: depth)
        for _ in 0..<threads {
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().work()
                    return nil
                }, Unmanaged.passRetained(shared).toOpaque())
            if status == 0 {
                self.threads.append(thread)
            } else {
                // The others do its work; what was retained for it goes.
                Unmanaged.passUnretained(shared).release()
            }
        }
        precondition(!self.threads.isEmpty, "no thread can be started")
    }

    deinit { end() }

    /// The next block to fill, as soon as every lane is done with what it held.
    func nextBlock() -> UnsafeMutableRawBufferPointer {
        shared.locked {
            while shared.positions.contains(where: { $0 + shared.blocks.count <= shared.filled }) { shared.wait() }
            return shared.blocks[shared.filled % shared.blocks.count]
        }
    }

    /// Hands over the first bytes of the block that `nextBlock` gave.
    func submit(_ count: Int) {
        shared.locked {
            shared.sizes[shared.filled % shared.blocks.count] = count
            shared.filled += 1
            shared.wake()
        }
    }

    /// Waits until every lane has had every block.
    func end() {
        shared.locked {
            shared.isEnded = true
            shared.wake()
        }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }
}
