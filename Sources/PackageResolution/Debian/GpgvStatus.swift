/// What gpgv says of the signatures of one file: its status lines (doc/DETAILS of GnuPG), by signature.
package struct GpgvStatus {
    /// One signature.
    package struct Signature: Equatable {
        /// What gpgv says of one signature (gnupg's doc/DETAILS).
        package enum Verdict: String {
            /// By a key that is good now.
            case good = "GOODSIG"
            /// The signature itself was for a time that is over.
            case expired = "EXPSIG"
            /// The key was for a time that is over.
            case expiredKey = "EXPKEYSIG"
            case revokedKey = "REVKEYSIG"
            case bad = "BADSIG"
            /// It could not be checked: an unknown key, an unknown algorithm.
            case unchecked = "ERRSIG"
        }

        var verdict: Verdict
        /// The key's long number, as the verdict's line has it.
        var keyID: String
        /// The primary key's fingerprint; nil where the signature could not be checked.
        var primary: String?
        /// When it was made: seconds since 1970-01-01 UTC.
        var made = 0
        /// The hash that it is over (RFC 9580 9.5).
        var hash = 0
        /// When the keys that it involves expired: seconds since 1970-01-01 UTC.
        var keyExpiries: [Int] = []

        /// MD5, SHA-1 and RIPEMD-160 can be made to collide, or nearly.
        var hashIsWeak: Bool { hash < 8 }
    }

    /// In the order of the file.
    package private(set) var signatures: [Signature] = []

    /// - Parameter text: The lines of `--status-fd`.
    package init(_ text: String) {
        // What comes before a signature's verdict is of the same one.
        var (expiries, isDecided) = ([Int](), false)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 1, words[0] == "[GNUPG:]" else { continue }
            if let verdict = Signature.Verdict(rawValue: String(words[1])), words.count > 2 {
                signatures.append(Signature(verdict: verdict, keyID: String(words[2]), keyExpiries: expiries))
                isDecided = true
            }
            switch words[1] {
            case "NEWSIG": (expiries, isDecided) = ([], false)
            case "KEYEXPIRED" where words.count > 2:
                guard let time = Int(words[2]) else { continue }
                expiries.append(time)
                if isDecided { signatures[signatures.count - 1].keyExpiries = expiries }
            // The fingerprint that it has; the tenth argument is the primary key's.
            case "VALIDSIG" where words.count > 11 && !signatures.isEmpty:
                let last = signatures.count - 1
                signatures[last].primary = String(words[11])
                (signatures[last].made, signatures[last].hash) = (Int(words[4]) ?? 0, Int(words[9]) ?? 0)
            default: break
            }
        }
    }

    /// Whether a signature counts.
    package enum Answer: Equatable {
        case counts
        /// By a key that has expired since: it counts for what came before that.
        case countsUntil(expiry: Int)
        case refused(reason: String)
        /// Signed by keys that no keyring has, by their long numbers; or by nobody.
        case unknown(keys: [String])
    }

    /// - Parameter allowed: Fingerprints of primary keys.
    package func answer(allowed: [String]) -> Answer {
        if let bad = signatures.first(where: { $0.verdict == .bad }) {
            return .refused(reason: "bad signature by \(bad.keyID)")
        }
        let own = signatures.filter { signature in signature.primary.map(allowed.contains) == true }
        if own.contains(where: { $0.verdict == .good && !$0.hashIsWeak }) { return .counts }
        let expired = own.filter { $0.verdict == .expiredKey && !$0.hashIsWeak }.compactMap { signature -> Int? in
            guard let expiry = signature.keyExpiries.min(), signature.made < expiry else { return nil }
            return expiry
        }
        if let expiry = expired.max() { return .countsUntil(expiry: expiry) }
        if let reason = own.map(Self.reason).first { return .refused(reason: reason) }
        let valid = signatures.compactMap(\.primary)
        if !valid.isEmpty { return .refused(reason: "it is signed by \(valid.joined(separator: ", "))") }
        return .unknown(keys: signatures.map(\.keyID))
    }

    private static func reason(_ signature: Signature) -> String {
        let key = signature.primary ?? signature.keyID
        if signature.hashIsWeak {
            return "the signature by \(key) is over a hash that is no longer safe (SHA-1 or weaker)"
        }
        return switch signature.verdict {
        case .revokedKey: "\(key) signed it, a key that has been revoked"
        case .expired: "the signature by \(key) has expired"
        case .expiredKey: "\(key) signed it after it had expired"
        default: "the signature by \(key) could not be checked"
        }
    }
}
