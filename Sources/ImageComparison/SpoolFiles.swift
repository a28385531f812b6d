import FileTree
import Glibc
import Host
import Synchronization

/// Files that the confined child may write to, opened before it gives up opening any.
enum SpoolFiles {
    /// The most pairs that are laid down for another program.
    static let pairLimit = 20

    private struct State {
        var unnamed: [CInt] = []
        var pairs: [(a: CInt, b: CInt)] = []
        var used = 0
    }

    private static let state = Mutex(State())

    /// Opens unnamed files, for the contents of archives, and where a folder is given the files of the pairs in it.
    /// - Parameter count: One for each archive: images and folders need none, and no room for any.
    static func open(_ count: Int, in folder: String, pairs: String?) throws {
        let failure = { TreeReadError(path: folder, reason: "no room for files: \(String(cString: strerror(errno)))") }
        for _ in 0..<count {
            var template = "\(folder)/rtverify-XXXXXX".pathCString
            let descriptor = mkstemp(&template)
            guard descriptor >= 0 else { throw failure() }
            unlink(template)
            state.withLock { $0.unnamed.append(descriptor) }
        }
        guard let pairs else { return }
        for index in 0..<pairLimit {
            let opened = ["a", "b"].map {
                Host.open("\(pairs)/\(index).\($0)", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            }
            guard opened.allSatisfy({ $0 >= 0 }) else { throw failure() }
            state.withLock { $0.pairs.append((opened[0], opened[1])) }
        }
    }

    /// An unnamed file, which is the caller's from now on; nil where none is left.
    static func take() -> CInt? { state.withLock { $0.unnamed.popLast() } }

    /// Lays a pair down.
    /// - Returns: Its number; nil where all are used.
    static func extract(_ contents: (a: [UInt8], b: [UInt8])) throws -> Int? {
        let pair: (number: Int, files: (a: CInt, b: CInt))? = state.withLock { state in
            guard state.used < state.pairs.count else { return nil }
            state.used += 1
            return (state.used - 1, state.pairs[state.used - 1])
        }
        guard let pair else { return nil }
        for (descriptor, bytes) in [(pair.files.a, contents.a), (pair.files.b, contents.b)] {
            do { try OpenFile.write(bytes, to: descriptor) } catch {
                throw TreeReadError(path: "a file for --deep", reason: error.description)
            }
        }
        return pair.number
    }
}
