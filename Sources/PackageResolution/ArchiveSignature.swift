import ContentHash
import Glibc
import InputStore
import Subprocess
import SystemPackage

/// The signature of an InRelease file, checked by gpgv against the keys that the manifest allows.
struct ArchiveSignature {
    /// Keyring files to look for the allowed keys in. Which of their keys the host happens to trust counts for
    /// nothing: only the allowed fingerprints do.
    let keyrings: [String]

    /// Keyrings given by option, or all that Debian-like hosts keep.
    init(keyrings: [String]) {
        guard keyrings.isEmpty else {
            self.keyrings = keyrings
            return
        }
        self.keyrings = ["/usr/share/keyrings", "/etc/apt/trusted.gpg.d", "/etc/apt/keyrings"].flatMap { folder in
            HostSources.names(in: folder).filter {
                $0.hasSuffix(".gpg") || $0.hasSuffix(".asc") || $0.hasSuffix(".pgp")
            }
            .map { "\(folder)/\($0)" }
        }
    }

    /// The text that an allowed key signed, and nothing around it.
    ///
    /// The rule (facts.md): at least one VALIDSIG by an allowed primary key and no BADSIG. gpgv's exit status says
    /// neither, as it is 2 when one of several signers is unknown.
    func signedText(of inRelease: [UInt8], suite: String, allowed: [String]) async throws -> String {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let signed = "\(folder.path)/InRelease"
        let output = "\(folder.path)/Release"
        try write(inRelease, to: signed)
        var arguments = ["--status-fd", "1", "--output", output]
        for (index, keyring) in keyrings.enumerated() {
            guard let path = try binaryKeyring(keyring, in: folder.path, number: index) else { continue }
            arguments += ["--keyring", path]
        }
        arguments.append(signed)
        let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
        do {
            result = try await run(
                .name("gpgv"), arguments: Arguments(arguments),
                environment: .custom(["PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": folder.path]),
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw ResolutionError.programMissing("gpgv", package: "gpgv")
        }
        let status = result.standardOutput.split(separator: "\n").compactMap { line -> [Substring]? in
            let words = line.split(separator: " ")
            return words.count > 1 && words[0] == "[GNUPG:]" ? Array(words.dropFirst()) : nil
        }
        if let bad = status.first(where: { $0[0] == "BADSIG" }) {
            throw ResolutionError.signature(
                suite: suite, reason: "bad signature by \(bad.dropFirst().joined(separator: " "))")
        }
        // VALIDSIG's tenth argument is the primary key's fingerprint (doc/DETAILS of GnuPG).
        let valid = status.filter { $0[0] == "VALIDSIG" && $0.count > 10 }.map { String($0[10]) }
        guard valid.contains(where: allowed.contains) else {
            let unknown = status.filter { $0[0] == "NO_PUBKEY" }.compactMap { $0.dropFirst().first.map(String.init) }
            let found =
                valid.isEmpty
                ? unknown.isEmpty
                    ? "it carries no signature"
                    : "its keys (\(unknown.joined(separator: ", "))) are in none of this host's keyrings; install "
                        + "debian-archive-keyring, or pass --keyring FILE"
                : "it is signed by \(valid.joined(separator: ", "))"
            throw ResolutionError.signature(
                suite: suite, reason: "\(found); allowed are \(allowed.joined(separator: ", "))")
        }
        return try Paths.readText(output)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = try AtomicFile(directory: Paths.parent(of: path))
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.publish(as: path)
    }

    /// gpgv reads binary keyrings only, so an armored one (RFC 9580 6.2) is unwrapped; nil where the file is neither.
    private func binaryKeyring(_ path: String, in folder: String, number: Int) throws -> String? {
        guard path.hasSuffix(".asc") else { return Paths.absolute(path) }
        let lines = try Paths.readText(path).split(separator: "\n", omittingEmptySubsequences: false)
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN PGP PUBLIC KEY BLOCK") }),
            let blank = lines[begin...].firstIndex(where: { $0.allSatisfy(\.isWhitespace) })
        else { return nil }
        let body = lines[blank...].prefix { !$0.hasPrefix("=") && !$0.hasPrefix("-----END") }.joined()
        let unwrapped = "\(folder)/keyring-\(number).gpg"
        try write(Base64.decode(body), to: unwrapped)
        return unwrapped
    }
}

/// RFC 4648's base64.
enum Base64 {
    /// Padded text of bytes.
    static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let value = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            text += (0...3).map { $0 <= part.count ? digits[value >> (18 - 6 * $0) & 63] : 0x3d }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text; what isn't a digit is passed over.
    static func decode(_ text: String) -> [UInt8] {
        var (bytes, buffer, bits) = ([UInt8](), 0, 0)
        for character in text.utf8 {
            let value: Int
            switch character {
            case 0x41...0x5a: value = Int(character) - 0x41
            case 0x61...0x7a: value = Int(character) - 0x61 + 26
            case 0x30...0x39: value = Int(character) - 0x30 + 52
            case 0x2b: value = 62
            case 0x2f: value = 63
            default: continue
            }
            buffer = buffer << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(buffer >> bits & 0xff))
                buffer &= (1 << bits) - 1
            }
        }
        return bytes
    }
}
