import Mirrors

/// A Release as an archive serves it.
struct ReleaseBytes {
    /// InRelease, or Release where a signature is beside it.
    var release: [UInt8]
    /// Release.gpg.
    var signature: [UInt8]?
}

/// A Release whose signature is good.
struct SignedRelease {
    var bytes: ReleaseBytes
    var text: String
    var keyExpiry: Int?
    var release: ReleaseFile

    /// - Parameters:
    ///   - shown: What errors call the suite.
    ///   - allowExpired: Whether a key counts that has expired by now, for what it signed before.
    init(
        _ bytes: ReleaseBytes, suite: String, shown: String, signers: ArchiveSignature.Signers, isThirdParty: Bool,
        signature: ArchiveSignature, allowExpired: Bool
    ) async throws {
        self.bytes = bytes
        let signed = try await signature.signedText(
            of: bytes.release, detached: bytes.signature, suite: shown, by: signers)
        (text, keyExpiry) = (signed.text, signed.keyExpiry)
        release = try ReleaseFile(text: text, suite: suite, isThirdParty: isThirdParty)
        guard let keyExpiry else { return }
        let day = SnapshotTime(seconds: keyExpiry).text
        guard release.date < keyExpiry else {
            throw ResolutionError.signature(
                suite: shown, reason: "the key that signed it expired at \(day), before the Release's Date")
        }
        guard allowExpired else {
            throw ResolutionError.signature(
                suite: shown,
                reason: "the key that signed it expired at \(day); update the keyring, or pass --allow-expired")
        }
    }
}
