import CLinux
import Glibc
import Reporting
import RootfsBuild
import RuntimeSpec
import Subprocess
import SystemPackage

/// Packs a tree with the locked toolchain: a sorted stream of entries into tar2sqfs, which runs chrooted in the
/// toolchain's own root with an environment of one variable.
public struct ImagePacker: Sendable {
    private let lock: Lockfile
    private let toolchain: String
    private let jobs: Int
    private let events: EventSink

    /// - Parameters:
    ///   - toolchain: The root that the toolchain was unpacked into, with a /proc.
    ///   - jobs: The packer's threads; the bytes don't depend on it.
    public init(lock: Lockfile, toolchain: String, jobs: Int, events: @escaping EventSink) {
        (self.lock, self.toolchain, self.jobs, self.events) = (lock, toolchain, jobs, events)
    }

    /// Packs a tree into the file on standard output, which may have no name.
    public func pack(_ root: String) async throws {
        events(.phase(name: "pack with \(lock.image.compression.rawValue)", total: 0))
        var ends: [CInt] = [0, 0]
        guard rtv_pipe(&ends) == 0 else { throw RootfsError.system("cannot create a pipe", errno) }
        // A mebibyte at a time, so that walking and compressing don't wait for each other; less works too.
        _ = rtv_set_pipe_size(ends[1], 1 << 20)
        let (reading, writing) = (FileDescriptor(rawValue: ends[0]), ends[1])
        let epoch = lock.sourceDateEpoch

        async let streaming: Result<Void, any Error> = Self.stream(root, to: writing, sourceDateEpoch: epoch)
        let result = try await run(
            .name("chroot"), arguments: Arguments([toolchain, "/usr/bin/tar2sqfs"] + arguments),
            environment: .custom(["SOURCE_DATE_EPOCH": "\(epoch)", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]),
            input: .fileDescriptor(reading, closeAfterSpawningProcess: true),
            output: .fileDescriptor(.standardOutput, closeAfterSpawningProcess: false),
            error: .string(limit: 1 << 20))
        let streamed = await streaming
        let lines = result.standardError.split(separator: "\n").map(String.init)
        if !result.terminationStatus.isSuccess {
            // An entry that can't be carried stops the stream, and then the packer: the first is the reason.
            if case .failure(let error as RootfsError) = streamed, case .cannotCarry = error { throw error }
            throw RootfsError.program(
                "the locked packer, tar2sqfs,", status: "\(result.terminationStatus)",
                output: lines + Self.advice(lines))
        }
        try streamed.get()
        if !lines.isEmpty {
            throw RootfsError.program("the locked packer, tar2sqfs,", status: "it warned", output: lines)
        }
    }

    private static func stream(_ root: String, to descriptor: CInt, sourceDateEpoch: Int) async
        -> Result<Void, any Error>
    {
        do {
            try await onThread {
                defer { close(descriptor) }
                // A packer that stops reading is an error here, not the end of this process.
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGPIPE)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                let tar = TarStream(descriptor: descriptor)
                var walk = TreeWalk(root: root, sourceDateEpoch: sourceDateEpoch) { entry, path in
                    try tar.write(entry, from: path)
                }
                try walk.run()
                try tar.finish()
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private var arguments: [String] {
        let image = lock.image
        var options = ["-q", "-s", "-f", "-j", "\(max(1, jobs))", "-b", "\(image.blockSize)"]
        options += ["-c", image.compression.rawValue]
        if let level = image.level { options += ["-X", "level=\(level)"] }
        return options + ["/proc/self/fd/1"]
    }

    private static func advice(_ lines: [String]) -> [String] {
        lines.contains { $0.contains("shared librar") || $0.contains("No such file") }
            ? ["The lock's [[toolchain]] lacks something that tar2sqfs loads; lock the manifest anew."] : []
    }
}
