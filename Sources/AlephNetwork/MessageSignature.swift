import COpenSSL
import CSecp256k1
import ContentHash

/// What a message's signature is worth.
public enum SignatureStatus: Equatable, Sendable {
    /// The sender's own.
    case valid
    /// No signature of the sender's, whoever that is.
    case unproven(String)
    /// Not the sender's own key's: forged, or a contract wallet's (ERC-1271, ERC-6492), which nobody can tell offline.
    case undecidable(String)
    /// Of a chain that this program doesn't check.
    case notChecked(String)
    case missing

    /// The status in one word, as JSON has it.
    public var word: String {
        switch self {
        case .valid: "valid"
        case .unproven, .undecidable: "unproven"
        case .notChecked: "not-checked"
        case .missing: "missing"
        }
    }

    /// For people: what the word means.
    public var explanation: String {
        switch self {
        case .valid: "valid"
        case .unproven(let reason), .undecidable(let reason): "not the sender's: \(reason)"
        case .notChecked(let chain): "not checked: signatures of the chain \(chain) are not known here"
        case .missing: "there is none"
        }
    }
}

/// Signatures over `CHAIN\nSENDER\nTYPE\nITEM_HASH`, the bytes that Aleph's clients sign.
enum MessageSignature {
    static func check(_ message: AlephMessage) -> SignatureStatus {
        let signed = Array("\(message.chain)\n\(message.sender)\n\(message.type)\n\(message.itemHash)".utf8)
        guard let signature = message.signature else { return .missing }
        switch Chain.scheme(of: message.chain) {
        // A chain may have addresses of its own besides (AVAX: X-avax1...), signed otherwise.
        case .ethereum where !Chain.isEthereumAddress(message.sender): return .notChecked(message.chain)
        case .ethereum: return ethereum(signature, over: signed, sender: message.sender, chain: message.chain)
        case .solana: return solana(signature, over: signed, sender: message.sender)
        case .unknown: return .notChecked(message.chain)
        }
    }

    private static func ethereum(_ signature: StrictJSON, over signed: [UInt8], sender: String, chain: String)
        -> SignatureStatus
    {
        guard let text = signature.text else { return .unproven("it is no text") }
        let digits = text.hasPrefix("0x") || text.hasPrefix("0X") ? String(text.dropFirst(2)) : text
        guard let bytes = Hex.decode(digits.lowercased()) else { return .unproven("it is not hexadecimal") }
        guard bytes.count == 65 else {
            return .undecidable("it has \(bytes.count) bytes, not 65: forged, or a contract wallet's")
        }
        switch EthereumSignature.recover(bytes, personalMessage: signed) {
        case .success(let address):
            return Chain.sameAddress(address, sender)
                ? .valid : .undecidable("it is by \(address): forged, or a contract wallet's")
        case .failure(let failure): return .undecidable("\(failure.reason): forged, or a contract wallet's")
        }
    }

    /// A JSON object, or one in a string, with `signature` and `publicKey` in base58.
    private static func solana(_ signature: StrictJSON, over signed: [UInt8], sender: String) -> SignatureStatus {
        var object = signature
        if let text = signature.text {
            guard let inner = try? StrictJSON(Array(text.utf8)) else { return .unproven("it is not JSON") }
            object = inner
        }
        guard let encoded = object["signature"]?.text, let publicKey = object["publicKey"]?.text else {
            return .unproven("it lacks signature or publicKey")
        }
        guard publicKey.utf8.elementsEqual(sender.utf8) else { return .unproven("its key is \(publicKey)") }
        guard let key = Base58.decode(publicKey), key.count == 32, let bytes = Base58.decode(encoded),
            bytes.count == 64
        else { return .unproven("its key or bytes have the wrong length") }
        return Ed25519.verify(bytes, over: signed, key: key) ? .valid : .unproven("its bytes are not the key's")
    }
}

/// Addresses that a key has signed for, here and now: what is signed in their names by anything else is forged. Of another
/// address nobody can tell whether it is a contract, whose signatures only the chain can check.
struct KnownKeys {
    private var addresses: [String]

    init(_ messages: some Sequence<AlephMessage>) {
        addresses = messages.filter { MessageSignature.check($0) == .valid }.map(\.sender)
    }

    func contains(_ address: String) -> Bool { addresses.contains { Chain.sameAddress($0, address) } }
}

/// secp256k1 signatures of EIP-191 personal messages, with the public key recovered.
enum EthereumSignature {
    struct Failure: Error { let reason: String }

    /// The address, in lower case, of the key that signed.
    static func recover(_ signature: [UInt8], personalMessage message: [UInt8]) -> Result<String, Failure> {
        // 27 and 28 are Bitcoin's spelling of 0 and 1.
        let recovery = signature[64]
        guard [0, 1, 27, 28].contains(recovery) else {
            return .failure(Failure(reason: "its recovery value is \(recovery), not 0, 1, 27 or 28"))
        }
        let prefix = Array("\u{19}Ethereum Signed Message:\n\(message.count)".utf8)
        let digest = Keccak256.hash(prefix + message)
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            return .failure(Failure(reason: "libsecp256k1 is out of memory"))
        }
        defer { secp256k1_context_destroy(context) }
        var parsed = secp256k1_ecdsa_recoverable_signature()
        guard
            secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, signature, CInt(recovery % 27)) == 1
        else { return .failure(Failure(reason: "its numbers are out of range")) }
        // For every signature there is one with the other s; Ethereum takes the lower only (EIP-2).
        var plain = secp256k1_ecdsa_signature()
        secp256k1_ecdsa_recoverable_signature_convert(context, &plain, &parsed)
        guard secp256k1_ecdsa_signature_normalize(context, nil, &plain) == 0 else {
            return .failure(Failure(reason: "its s is high, which no wallet makes (EIP-2)"))
        }
        var key = secp256k1_pubkey()
        guard secp256k1_ecdsa_recover(context, &key, &parsed, digest) == 1 else {
            return .failure(Failure(reason: "no key gives it"))
        }
        var bytes = [UInt8](repeating: 0, count: 65)
        var count = bytes.count
        secp256k1_ec_pubkey_serialize(context, &bytes, &count, &key, UInt32(SECP256K1_EC_UNCOMPRESSED))
        return .success("0x" + Hex.encode(Keccak256.hash(Array(bytes[1...])).suffix(20)))
    }
}

/// RFC 8032 signatures, by libcrypto.
enum Ed25519 {
    static func verify(_ signature: [UInt8], over message: [UInt8], key: [UInt8]) -> Bool {
        guard let publicKey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, key, key.count) else { return false }
        defer { EVP_PKEY_free(publicKey) }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, nil, nil, publicKey) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
