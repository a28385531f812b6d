/// The spellings that names may have. All are ASCII, so that comparing two as Swift strings compares their bytes:
/// Unicode's canonical equality can't make two names one.
package enum Spelling {
    /// A Debian package name (Debian Policy 5.6.1): `[a-z0-9][a-z0-9+.-]+`.
    static func isPackageName(_ text: String) -> Bool {
        text.utf8.count >= 2 && text.utf8.first.map(isLowerOrDigit) == true
            && text.utf8.allSatisfy { isLowerOrDigit($0) || "+.-".utf8.contains($0) }
    }

    /// A Debian version (Debian Policy 5.6.12), with or without an epoch.
    static func isVersion(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isAlphanumeric($0) || ".+-~:".utf8.contains($0) }
    }

    /// An architecture of the packages that an x86-64 image has.
    static func isDebianArchitecture(_ text: String) -> Bool { text == "amd64" || text == "all" }

    /// A time as the snapshot archive writes it: `20261121T101112Z`.
    static func isSnapshotTime(_ text: String) -> Bool { text.utf8.count == 16 && text.hasSuffix("Z") && isName(text) }

    /// A project's name in the one spelling that names are compared in (PEP 503).
    static func isProjectName(_ text: String) -> Bool {
        isName(text) && PythonPackages.normalizedName(text) == text
    }

    /// A path from the root, or a pattern of such paths.
    static func isAbsolute(_ text: String) -> Bool { text.hasPrefix("/") }

    /// Words, whatever they are.
    static func isFilled(_ text: String) -> Bool { !text.isEmpty }

    /// A primary key's fingerprint as gpg prints it: 40 upper-case hexadecimal digits.
    static func isFingerprint(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x46).contains($0) }
    }

    /// A suite, component, runtime or archive name: letters, digits and `._@-`, not starting with a dot or dash.
    static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.first.map(isAlphanumeric) == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || "._@-".utf8.contains($0) }
    }

    /// A suite may hold one slash (`bookworm/updates`, as security suites once were).
    static func isSuite(_ text: String) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { isName(String($0)) }
    }

    /// A suite, or a flat repository's folder: a relative path with a slash at its end, or nothing but the slash.
    static func isAnySuite(_ text: String) -> Bool {
        text == "/" || (text.hasSuffix("/") ? isArchivePath(String(text.dropLast())) : isSuite(text))
    }

    /// The name of an archive of other people: what apt takes for a file's name in its folders (sources.list(5)), and no `@`,
    /// which marks the states of one suite in a lock.
    static func isArchiveName(_ text: String) -> Bool { isName(text) && !text.contains("@") }

    /// A path in an archive: printable ASCII, relative, without empty, `.` or `..` parts.
    static func isArchivePath(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            && text.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// A path in the image: absolute, normalized, no control characters, not the root itself.
    package static func isImagePath(_ text: String) -> Bool {
        guard text.utf8.first == 0x2f, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return false }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// A path in the image, or its root.
    static func isImagePathOrRoot(_ text: String) -> Bool { text == "/" || isImagePath(text) }

    /// What a symbolic link says: something that fits a path (PATH_MAX), without control characters.
    package static func isLinkText(_ text: String) -> Bool {
        (1...4095).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    /// A user's or a group's name (useradd(8)), or a number.
    static func isOwner(_ text: String) -> Bool {
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int(text).map { Ownership.numbers.contains($0) && "\($0)" == text } ?? false
        }
        return (1...32).contains(text.utf8.count) && text.utf8.first.map { isLowerOrDigit($0) || $0 == 0x5f } == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || "_.-$".utf8.contains($0) }
    }

    /// A name, or a pattern of names or relative paths (fnmatch(3)).
    static func isExclusion(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix("/") && !text.hasSuffix("/")
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    /// A requirement of PEP 508 that an index answers: a name, extras, versions and a marker. Neither a URL nor a path nor
    /// an option, which pip would take as well.
    static func isRequirement(_ text: String) -> Bool {
        guard text.utf8.first.map(isAlphanumeric) == true, text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }),
            !text.hasSuffix("\\")
        else { return false }
        let wanted = text.utf8.prefix { $0 != 0x3b }
        let rest = wanted.drop { isAlphanumeric($0) || "._-".utf8.contains($0) }.drop { $0 == 0x20 }
        guard rest.first.map({ "[<>=!~(".utf8.contains($0) }) ?? true else { return false }
        return !rest.contains { "/:@#\\".utf8.contains($0) } && !String(decoding: wanted, as: UTF8.self).contains(" -")
    }

    /// What stands before a hash in a line of pip's requirements.
    static let hashOption = " --hash="

    /// A requirement, perhaps with hashes that what answers it must have one of (pip's `--hash`).
    package static func isHashedRequirement(_ text: String) -> Bool {
        let parts = text.split(separator: " --hash=", omittingEmptySubsequences: false).map(String.init)
        return isRequirement(parts[0]) && !parts[0].hasSuffix(" ")
            && parts.dropFirst().allSatisfy { hash in
                [("sha256:", 64), ("sha384:", 96), ("sha512:", 128)].contains { prefix, count in
                    hash.hasPrefix(prefix) && hash.utf8.count == prefix.utf8.count + count
                        && hash.utf8.dropFirst(prefix.utf8.count).allSatisfy {
                            (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
                        }
                }
            }
    }

    /// A version of Python's packages (PEP 440) or Alpine's.
    static func isPythonVersion(_ text: String) -> Bool {
        text.utf8.first.map(isAlphanumeric) == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || ".+!-_~".utf8.contains($0) }
    }

    /// A wheel's file name (PEP 427).
    static func isWheel(_ text: String) -> Bool {
        text.hasSuffix(".whl") && isPythonVersion(text) && text.split(separator: "-").count >= 5
    }

    /// An Alpine package name.
    static func isAlpineName(_ text: String) -> Bool {
        text.utf8.first.map(isAlphanumeric) == true
            && text.utf8.allSatisfy { isAlphanumeric($0) || "._+-".utf8.contains($0) }
    }

    /// An Alpine package with or without a tag and a version, as apk's world has it (apk-world(5)): `name=1.2-r0`, `name~1.2`,
    /// `name>=1`, `name@tag`.
    static func isAlpineWish(_ text: String) -> Bool {
        let name = alpineName(text)
        let tag = alpineTag(text)
        let rest = text.dropFirst(name.count + (tag.map { $0.count + 1 } ?? 0))
        guard tag.map(isArchiveName) ?? true else { return false }
        let version = rest.drop { "<>=~".contains($0) }
        return isAlpineName(name)
            && (rest.isEmpty
                || ["=", "~", "~=", "<", "<=", ">", ">="].contains(rest.dropLast(version.count))
                    && isPythonVersion(String(version)))
    }

    /// The name in what apk is asked for.
    package static func alpineName(_ text: String) -> String { String(text.prefix { !"<>=~@".contains($0) }) }

    /// The tag of the repository that it must come from; nil for any without one.
    package static func alpineTag(_ text: String) -> String? {
        let rest = text.drop { !"<>=~@".contains($0) }
        return rest.first == "@" ? String(rest.dropFirst().prefix { !"<>=~".contains($0) }) : nil
    }

    /// A place on Alpine's mirrors, or a URL without login.
    static func isAlpinePlace(_ text: String) -> Bool {
        isURL(text) ? isServer(text) : isArchivePath(text)
    }

    /// `3.20`, `3.20.3`.
    static func isAlpineRelease(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return (2...3).contains(parts.count)
            && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }

    /// An http(s) URL of printable ASCII without quotes.
    static func isURL(_ text: String) -> Bool {
        (text.hasPrefix("https://") || text.hasPrefix("http://")) && text.utf8.count > 8
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 }
    }

    /// An http(s) URL with neither a login nor a query.
    static func isServer(_ text: String) -> Bool { isURL(text) && !text.contains { "@?#".contains($0) } }

    /// A shell command: something, on one line or several, without NUL, and no longer than an argument may be (execve(2),
    /// MAX_ARG_STRLEN).
    static func isCommand(_ text: String) -> Bool {
        !text.isEmpty && !text.utf8.contains(0) && text.utf8.count < 131_072
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || (0x41...0x5a).contains(byte)
    }

    /// A word as a POSIX shell takes it: in single quotes, where it needs them.
    package static func shellWord(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { isAlphanumeric($0) || "/._-+=:@%,".utf8.contains($0) }
        return isPlain
            ? text
            : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    /// The name that looks most like one that nobody has; nil where there is none.
    package static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        known.min { distance($0, name) < distance($1, name) }
    }

    /// The number of single-character edits between two keys (Levenshtein's distance).
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substitution = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
