import ContentHash
import Glibc
import RuntimeSpec

/// The files that a manifest names, read from beside it.
struct ManifestFiles {
    let manifest: Manifest
    let directory: String

    /// Each file with its size and SHA-256; `keep` gets its bytes and returns their digest.
    func files(keep: ([UInt8]) throws -> Digest) throws -> [Lockfile.File] {
        try manifest.files.map { file in
            let path = "\(directory)/\(file.source)"
            guard let stream = fopen(path, "re") else { throw ResolutionError.fileUnreadable(path) }
            defer { fclose(stream) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
            guard ferror(stream) == 0 else { throw ResolutionError.fileUnreadable(path) }
            let digest = try keep(bytes)
            return Lockfile.File(
                target: file.target, mode: file.mode,
                source: Lockfile.Input(path: file.source, size: bytes.count, sha256: digest.hex))
        }
    }
}

/// Whether a manifest and a lock belong together, decided offline.
public enum LockCheck {
    /// - Throws: `ResolutionError.stale` when the lock was made from another manifest or other files.
    public static func check(
        _ manifest: Manifest, directory: String, manifestPath: String, lock: Lockfile, lockPath: String
    ) throws {
        let files = try ManifestFiles(manifest: manifest, directory: directory).files { .of($0) }
        guard DebianLock.sha256(of: manifest, files: files) == lock.manifestSHA256 else {
            throw ResolutionError.stale(manifest: manifestPath, lock: lockPath)
        }
    }
}
