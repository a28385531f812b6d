import Glibc
import Host
import InputStore
import RuntimeSpec
import Subprocess
import SystemPackage

/// The signature of a Release, checked by gpgv against the keys that the manifest allows.
struct ArchiveSignature {
    private let keyrings: Keyrings

    /// - Parameter keyrings: Files and folders to look for the allowed keys in; those of the host when empty.
    init(keyrings: [String]) { self.keyrings = Keyrings(named: keyrings) }

    /// Who may sign one archive.
    struct Signers: Sendable {
        /// Fingerprints of primary keys.
        var allowed: [String]
        /// The file that their keys are in; nil for this host's keyrings, or those that were named.
        var file: (name: String, keys: ArchiveKeys)?
    }

    /// What an allowed key signed.
    struct SignedText {
        /// The text, and nothing around it.
        var text: String
        /// When the key expired that signed it, if it has by now: seconds since 1970-01-01 UTC. It counts for what is
        /// older.
        var keyExpiry: Int?
    }

    /// The text of an InRelease (clear-signed), or of a Release with its signature beside it.
    ///
    /// At least one signature must be by an allowed primary key and good, over a hash that is safe, and none bad. gpgv's
    /// exit status says neither, as it is 2 when one of several signers is unknown.
    func signedText(
        of release: [UInt8], detached signature: [UInt8]? = nil, suite: String, by signers: Signers
    ) async throws -> SignedText {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (signed, output) = ("\(folder.path)/signed", "\(folder.path)/Release")
        try AtomicFile.write(release, to: signature == nil ? signed : output)
        if let signature { try AtomicFile.write(signature, to: signed) }
        var arguments = ["--status-fd", "1"] + (signature == nil ? ["--output", output] : [])
        for keyring in try files(for: signers, in: folder.path) { arguments += ["--keyring", keyring] }
        // A keyring of its own user would be looked at where none is given.
        if !arguments.contains("--keyring") { arguments += ["--keyring", "/dev/null"] }
        arguments += [signed] + (signature == nil ? [] : [output])
        let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
        do {
            result = try await run(
                .name("gpgv"), arguments: Arguments(arguments.map(\.pathArgument)),
                environment: .custom(["PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=\(folder.path)"].map(\.pathArgument)),
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw ResolutionError.programMissing("gpgv", package: "gpgv")
        }
        let keyExpiry: Int?
        switch GpgvStatus(result.standardOutput).answer(allowed: signers.allowed) {
        case .counts: keyExpiry = nil
        case .countsUntil(let expiry): keyExpiry = expiry
        case .refused(let reason):
            throw ResolutionError.signature(
                suite: suite, reason: "\(reason); allowed are \(signers.allowed.joined(separator: ", "))")
        case .unknown(let keys):
            throw ResolutionError.signature(
                suite: suite,
                reason: keys.isEmpty
                    ? "it carries no signature"
                    : "its keys (\(keys.joined(separator: ", "))) are "
                        + (signers.file.map {
                            "not in \($0.name), which holds \(signers.allowed.joined(separator: ", "))"
                        }
                            ?? "in none of this host's keyrings; install debian-archive-keyring, or pass --keyring FILE")
            )
        }
        return SignedText(text: try SmallFile.text(output), keyExpiry: keyExpiry)
    }

    /// gpgv's keyrings: other people's archive has its own file's keys, and no other is looked at for it.
    private func files(for signers: Signers, in folder: String) throws -> [String] {
        guard let file = signers.file else { return try keyrings.files(in: folder) }
        try AtomicFile.write(file.keys.packets, to: "\(folder)/archive.gpg")
        return ["\(folder)/archive.gpg"]
    }
}

extension Lockfile.Archive {
    /// Who may sign it.
    /// - Throws: `ResolutionError.inputsMissing` where its key isn't in the store, `.contradicted` where that holds other keys.
    func signers(from store: Store) throws -> ArchiveSignature.Signers {
        guard let file = thirdParty?.key else { return .init(allowed: keys) }
        guard let bytes = try store.bytes(of: file) else {
            throw ResolutionError.inputsMissing([file.path], store: store.directory)
        }
        let found = try ArchiveKeys(bytes, name: file.path)
        guard found.fingerprints == keys else {
            throw ResolutionError.contradicted([
                "\(name): \(file.path) holds the keys \(found.fingerprints.joined(separator: ", ")), and not "
                    + keys.joined(separator: ", ")
            ])
        }
        return .init(allowed: keys, file: (file.path, found))
    }
}
