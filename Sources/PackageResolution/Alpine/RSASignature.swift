import COpenSSL

/// RSA signatures with which Alpine's abuild-sign signs indexes and packages (RFC 8017 8.2).
enum RSASignature {
    /// What a signature is over, the stronger first.
    enum Hash: CaseIterable {
        case sha256, sha1

        /// What the name of the signature's file begins with.
        var prefix: String { self == .sha256 ? ".SIGN.RSA256." : ".SIGN.RSA." }
    }

    /// - Parameter key: A public key in PEM (RFC 7468).
    static func isValid(_ signature: [UInt8], over hash: Hash, of message: [UInt8], key: [UInt8]) -> Bool {
        guard let text = BIO_new_mem_buf(key, CInt(key.count)) else { return false }
        defer { BIO_free(text) }
        guard let publicKey = PEM_read_bio_PUBKEY(text, nil, nil, nil) else { return false }
        defer { EVP_PKEY_free(publicKey) }
        guard EVP_PKEY_get_base_id(publicKey) == EVP_PKEY_RSA, let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(
            context, nil, hash == .sha256 ? EVP_sha256() : EVP_sha1(), nil, publicKey) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}

/// FIPS 180-4's SHA-1: what Alpine names a package's control part by. rtverify pins the whole file's SHA-256 as well.
enum SHA1 {
    static func digest(of bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil)
        return digest
    }
}
