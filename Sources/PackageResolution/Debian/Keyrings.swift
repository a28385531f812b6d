import Glibc
import Host

/// Files and folders of OpenPGP keys, by their contents and not by their names: binary keyrings, GnuPG's keyboxes, and
/// armored blocks (RFC 9580 6.2), one or several.
struct Keyrings {
    private let paths: [String]
    /// Whether they were named, and must be there.
    private let areNamed: Bool

    /// Those of Debian-like hosts.
    private static let folders = ["/usr/share/keyrings", "/etc/apt/trusted.gpg.d", "/etc/apt/keyrings"]

    /// - Parameter named: Files or folders; those of the host, and what rtverify has of Debian's, when empty. Which of their keys the host happens to trust
    ///   counts for nothing: only the fingerprints that are allowed do.
    init(named: [String]) {
        areNamed = !named.isEmpty
        paths = (named.isEmpty ? Self.folders : named).map(Paths.absolute)
    }

    /// Binary keyrings that gpgv reads, written to a folder where they aren't that already.
    /// - Throws: `SystemError` with the name of a file that was given and can't be read; `ResolutionError.malformed`
    ///   for one that holds no key.
    func files(in folder: String) throws -> [String] {
        var files: [String] = []
        for path in paths.flatMap(Self.members) {
            let bytes: [UInt8]
            do {
                bytes = try SmallFile.bytes(path, limit: 1 << 26)
            } catch {
                if areNamed { throw error }
                continue
            }
            switch KeyringKind(bytes) {
            case .binary: files.append(path)
            case .armored(let keys):
                let file = "\(folder)/keyring-\(files.count).gpg"
                try AtomicFile.write(keys, to: file)
                files.append(file)
            case .other where areNamed && paths.contains(path):
                throw ResolutionError.malformed("\(path) holds no OpenPGP public key, armored or not")
            case .other: continue
            }
        }
        if !areNamed {
            // Last: the host's may say that a key is good for longer.
            files.append("\(folder)/debian-archives.gpg")
            try AtomicFile.write(DebianKeys.all.flatMap(\.bytes), to: "\(folder)/debian-archives.gpg")
        }
        return files
    }

    private static func members(_ path: String) -> [String] {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [path] }
        return Folder.names(in: path).map { "\(path)/\($0)" }.filter { member in
            stat(member, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        }
    }
}
