import Archives
import Glibc
import Host

/// A program as a supervisor sends it to a machine: code, encoding, entrypoint, interface.
public struct Program: Sendable {
    /// How the code is packed.
    public enum Encoding: String, Sendable { case plain, zip, squashfs }
    /// How requests reach the program.
    public enum Interface: String, CaseIterable, Sendable { case asgi, executable }

    /// How the code is packed.
    public let encoding: Encoding
    /// `module:attribute`, or a file's path in the code.
    public let entrypoint: String
    /// How requests reach it.
    public let interface: Interface
    /// The code; empty where it is a disk.
    public let code: [UInt8]
    /// The squashfs image with the code; nil where it is sent.
    public let disk: String?

    /// Bytes of code that a message carries at most.
    public static let largestCode = 10_000_000

    /// Why a program can't be sent.
    public struct Failure: Error, CustomStringConvertible, Sendable {
        /// For people, with what to do.
        public let description: String

        init(_ description: String) { self.description = description }
    }

    /// Reads a folder, a zip archive, a squashfs image, a Python file or an executable.
    /// - Parameters:
    ///   - entrypoint: nil where there is one answer.
    ///   - interface: nil for what the entrypoint says, as on the network: a colon makes it ASGI.
    /// - Throws: `Failure`, `SystemError`, `FileError`, `ArchiveError`.
    public init(path: String, entrypoint: String?, interface: Interface?) throws {
        var files: [(path: String, isExecutable: Bool, bytes: [UInt8])] = []
        var status = stat()
        guard path.withPath({ stat($0, &status) }) == 0 else { throw SystemError("cannot read \(path)", errno) }
        if status.st_mode & S_IFMT == S_IFDIR {
            (encoding, disk) = (.zip, nil)
            (code, files) = try Self.zipped(path)
        } else {
            let head = try SmallFile.head(of: path, count: 4)
            if head == Array("hsqs".utf8) {
                (encoding, disk, code) = (.squashfs, path, [])
            } else {
                code = try SmallFile.bytes(path, limit: Self.largestCode)
                disk = nil
                let name = String(Paths.absolute(path).split(separator: "/").last ?? "program")
                if head.starts(with: "PK".utf8) {
                    encoding = .zip
                } else if name.hasSuffix(".py") || head.starts(with: [0x7f, 0x45, 0x4c, 0x46])
                    || head.starts(with: "#!".utf8)
                {
                    encoding = .plain
                    files = [(name, !name.hasSuffix(".py"), code)]
                } else {
                    throw Failure(
                        "\(path) is no folder, zip archive, squashfs image, Python file or executable: nothing that a machine "
                            + "is sent")
                }
            }
        }
        guard code.count <= Self.largestCode else {
            throw Failure(
                "the code of \(path) takes \(code.count) bytes, and a message carries \(Self.largestCode): make a squashfs "
                    + "image of it")
        }
        let chosen = try entrypoint ?? Self.guess(files, path, encoding, interface)
        self.entrypoint = chosen
        self.interface = interface ?? (chosen.contains(":") ? .asgi : .executable)
    }

    // MARK: Entrypoints

    /// The one entrypoint that a program can have.
    private static func guess(
        _ files: [(path: String, isExecutable: Bool, bytes: [UInt8])], _ path: String, _ encoding: Encoding,
        _ interface: Interface?
    ) throws -> String {
        var found: [String] = []
        if interface != .executable {
            for file in files where file.path.hasSuffix(".py") && !file.path.contains("/") {
                let text = String(decoding: file.bytes, as: UTF8.self)
                found += applications(in: text).map { "\(file.path.dropLast(3)):\($0)" }
            }
        }
        if interface != .asgi, found.isEmpty { found = files.filter(\.isExecutable).map(\.path) }
        if found.count == 1 { return found[0] }
        throw Failure(
            found.isEmpty
                ? "nothing in \(path) shows what its entrypoint is; say --entrypoint main:app, or the name of its executable"
                : "\(path) has several entrypoints; say which: \(found.map { "--entrypoint \($0)" }.joined(separator: ", "))"
        )
    }

    /// Names of what looks like an ASGI application at the top of a Python file.
    private static func applications(in text: String) -> [String] {
        var names: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            if let match = line.wholeMatch(
                of: #/(\w+)(?:\s*:[^=]+)?\s*=\s*(?:\w+\.)*(FastAPI|Starlette|AlephApp|Quart|Litestar|Sanic)\(.*/#)
            {
                names.append(String(match.1))
            } else if let match = line.prefixMatch(of: #/async\s+def\s+(\w+)\(\s*scope\b/#) {
                names.append(String(match.1))
            }
        }
        // AlephApp wraps another application: what wraps is the entrypoint.
        let wrappers = text.split(whereSeparator: \.isNewline).compactMap {
            $0.wholeMatch(of: #/(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)*AlephApp\(.*/#).map { String($0.1) }
        }
        return wrappers.count == 1 ? wrappers : names
    }

    // MARK: Folders

    private static func zipped(_ folder: String) throws -> (
        [UInt8], [(path: String, isExecutable: Bool, bytes: [UInt8])]
    ) {
        let place = try TemporaryFolder()
        defer { place.remove() }
        let archive = "\(place.path)/code.zip"
        let writer = try ArchiveWriter(path: archive, format: .zip)
        var files: [(path: String, isExecutable: Bool, bytes: [UInt8])] = []
        var size = 0
        try walk(folder, "") { path, status in
            let full = "\(folder)/\(path)"
            switch status.st_mode & S_IFMT {
            case S_IFDIR: try writer.add(path, mode: 0o755, .folder)
            case S_IFLNK: try writer.add(path, mode: 0o777, .link(target: try target(ofLink: full)))
            case S_IFREG:
                size += Int(status.st_size)
                guard size <= 20 * largestCode else {
                    throw Failure("\(folder) has over \(20 * largestCode) bytes: make a squashfs image of it")
                }
                let bytes = try SmallFile.bytes(full)
                let isExecutable = status.st_mode & 0o111 != 0
                files.append((path, isExecutable, bytes))
                try writer.add(path, mode: isExecutable ? 0o755 : 0o644, .file(bytes))
            default: throw Failure("\(full) is neither file, folder nor symbolic link")
            }
        }
        try writer.finish()
        return (try SmallFile.bytes(archive, limit: 1 << 30), files)
    }

    private static func target(ofLink path: String) throws -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count - 1)
        guard count >= 0 else { throw SystemError("cannot read \(path)", errno) }
        return String(path: Array(bytes[...count]))
    }

    /// What a checkout has and a program doesn't need.
    private static let left: Set<String> = [".git", "__pycache__", ".venv", ".mypy_cache", ".pytest_cache"]

    private static func walk(_ folder: String, _ path: String, _ take: (String, stat) throws -> Void) throws {
        for name in try Folder.names(in: path.isEmpty ? folder : "\(folder)/\(path)").sorted()
        where !left.contains(name) {
            let inside = path.isEmpty ? name : "\(path)/\(name)"
            var status = stat()
            guard "\(folder)/\(inside)".withPath({ lstat($0, &status) }) == 0 else {
                throw SystemError("cannot read \(folder)/\(inside)", errno)
            }
            try take(inside, status)
            if status.st_mode & S_IFMT == S_IFDIR { try walk(folder, inside, take) }
        }
    }
}
