import CLinux
import Glibc
import Host
import RuntimeSpec
import Sandbox
import Subprocess
import SystemPackage

/// Packs a tree with the locked toolchain: a sorted stream of entries into tar2sqfs, which runs chrooted in the
/// toolchain's own root with an environment of one variable.
public struct ImagePacker: Sendable {
    private let lock: Lockfile
    private let toolchain: Root
    private let jobs: Int
    private let events: EventSink

    /// - Parameters:
    ///   - toolchain: The root that the toolchain was unpacked into, with a /proc.
    ///   - jobs: The packer's threads; the bytes don't depend on it.
    public init(lock: Lockfile, toolchain: Root, jobs: Int, events: @escaping EventSink) {
        (self.lock, self.toolchain, self.jobs, self.events) = (lock, toolchain, jobs, events)
    }

    /// Packs a tree into the file on standard output, which may have no name.
    ///
    /// The image holds first the files of `early` that are in the end as they were shipped, in their order, and then
    /// the rest by path. The early ones are packed as they come; if one has changed after that, all is packed anew, so
    /// that the order depends on nothing but the tree.
    /// - Parameter early: Files, as soon as they are in the tree; it ends when the tree is whole.
    public func pack(_ root: String, early: AsyncStream<[ShippedFile]>) async throws {
        let files = PrepackedFiles(root: root, sourceDateEpoch: lock.sourceDateEpoch)
        do {
            try await attempt(root) { tar in
                // Blocking writes, on a thread for each batch: between batches nothing waits.
                for await batch in early {
                    let sorted = batch.sorted { $0.path.lexicographicallyPrecedes($1.path) }
                    try await onThread { try files.pack(sorted, into: tar) }
                }
                events(.phase(name: "pack with \(lock.contents.image.compression.rawValue)", total: 0))
                try await onThread { try files.checkUnchanged() }
                return files.packed
            }
        } catch is PrepackedFiles.Changed {
            events(.detail("\(files.changed.first ?? "a file") changed after it was packed; packing anew"))
            guard ftruncate(STDOUT_FILENO, 0) == 0, lseek(STDOUT_FILENO, 0, SEEK_SET) == 0 else {
                throw SystemError("cannot truncate the image", errno)
            }
            let again = PrepackedFiles(root: root, sourceDateEpoch: lock.sourceDateEpoch)
            try await attempt(root) { tar in
                try await onThread { try again.pack(files.offered, into: tar) }
                return again.packed
            }
        }
    }

    /// Runs the packer once.
    /// - Parameter begin: Writes the first entries and says which they are.
    private func attempt(
        _ root: String, beginning begin: (TarStream) async throws -> Set<[UInt8]>
    ) async throws {
        var ends: [CInt] = [0, 0]
        guard rtv_pipe(&ends) == 0 else { throw SystemError("cannot create a pipe", errno) }
        // A mebibyte at a time, so that walking and compressing don't wait for each other; less works too.
        _ = rtv_set_pipe_size(ends[1], 1 << 20)
        let (reading, writing) = (FileDescriptor(rawValue: ends[0]), ends[1])
        let (epoch, largest) = (lock.sourceDateEpoch, lock.contents.image.largestFile)
        // Nice: while packages are installed, dpkg goes first.
        let packer = RootEntry.command(toolchain.path, ["/usr/bin/tar2sqfs"] + arguments, options: .init(isNice: true))
        async let packing = run(
            .path(FilePath(OwnProgram.link)), arguments: Arguments(packer),
            environment: .custom(["SOURCE_DATE_EPOCH": "\(epoch)", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]),
            input: .fileDescriptor(reading, closeAfterSpawningProcess: true),
            output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
            error: .string(limit: 1 << 20))
        let streamed: Result<Void, any Error>
        do {
            let tar = TarStream(descriptor: writing)
            let packed = try await begin(tar)
            try await onThread {
                var walk = TreeWalk(root: root, sourceDateEpoch: epoch, largestFile: largest) { entry, path in
                    if !packed.contains(entry.entry.path) { try tar.write(entry, from: path) }
                }
                try walk.run()
                try tar.finish()
            }
            streamed = .success(())
        } catch {
            streamed = .failure(error)
        }
        close(writing)
        let result = try await packing
        let lines = result.standardError.split(separator: "\n").map(String.init)
        if case .failure(let error as PrepackedFiles.Changed) = streamed { throw error }
        if !result.terminationStatus.isSuccess {
            // An entry that can't be carried stops the stream, and then the packer: the first is the reason.
            if case .failure(let error as PackingError) = streamed { throw error }
            if let reason = Self.writeFailure() { throw SystemError("cannot write the image", reason) }
            throw SandboxError.program(
                "the locked packer, tar2sqfs,", status: "\(result.terminationStatus)",
                output: lines + Self.advice(lines))
        }
        try streamed.get()
        if !lines.isEmpty {
            throw SandboxError.program("the locked packer, tar2sqfs,", status: "it warned", output: lines)
        }
    }

    private var arguments: [String] {
        let image = lock.contents.image
        var options = ["-q", "-s", "-f", "-j", "\(max(1, jobs))", "-b", "\(image.blockSize)"]
        options += ["-c", image.compression.rawValue]
        if let level = image.level { options += ["-X", "level=\(level)"] }
        return options + ["/proc/self/fd/1"]
    }

    /// Why nothing more can be written to the image: tar2sqfs says "I/O error" whatever the reason.
    private static func writeFailure() -> CInt? {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let end = lseek(STDOUT_FILENO, 0, SEEK_END)
        guard end >= 0 else { return errno }
        do { try OpenFile.write(zeros, to: STDOUT_FILENO, at: Int(end)) } catch { return error.rawValue }
        return nil
    }

    private static func advice(_ lines: [String]) -> [String] {
        lines.contains { $0.contains("shared librar") || $0.contains("No such file") }
            ? ["The lock's [[toolchain]] lacks something that tar2sqfs loads; lock the manifest anew."] : []
    }
}
