import FileTree
import RuntimeSpec

#if FUZZING
    import Glibc
#else
    import ImageComparison
    import Mirrors
    import PackageResolution
#endif

/// Readers of what strangers wrote, by the number of their target.
enum Reader: UInt8, CaseIterable {
    case lockfile, manifest, deb822, release, gpgv, keyring, ar, apkIndex, apk, elf, dpkgStatus, webAddress,
        aptConfiguration, wheelName, distInfo, requirements

    /// Hands it bytes. It may refuse them in its own way, and do nothing else; what it takes and can write, it must read
    /// again as the same.
    func read(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        switch self {
        case .lockfile:
            guard let lock = try? Lockfile(text: text, file: "x") else { return }
            guard (try? Lockfile(text: lock.text, file: "x")) == lock else { fatalError("not read back: \(text)") }
        case .manifest:
            guard let manifest = try? Manifest(text: text, file: "x") else { return }
            _ = manifest.canonicalText
        case .deb822:
            guard let index = try? PackageIndex(text: bytes, name: "x") else { return }
            for name in ["a", "base", "late"] { _ = index.stanzas(named: name) }
            _ = index.provides("a")
        case .release: _ = try? ReleaseFile(text: text, suite: "test").packageIndexes(component: "main")
        case .gpgv: _ = GpgvStatus(text).answer(allowed: ["A"])
        case .keyring: _ = try? ArchiveKeys(bytes, name: "x").fingerprints
        case .ar:
            _ = try? PackageFile.data(of: bytes, name: "x") { _ in true }
            _ = try? OwnPackages([(Lockfile.Input(path: "x.deb", of: bytes), bytes)])
        case .requirements:
            let found = (try? RequirementsFile.requirements(bytes, name: "x")) ?? []
            guard found.allSatisfy({ Spelling.isHashedRequirement($0) && !$0.contains { $0.isNewline } }) else {
                fatalError("no requirements: \(text)")
            }
            guard (try? RequirementsFile.requirements(Array(found.joined(separator: "\n").utf8), name: "x")) == found
            else {
                fatalError("not read back: \(text)")
            }
        case .apkIndex:
            guard let signed = try? AlpineSigned(bytes, name: "x") else {
                _ = try? AlpineIndex(stream: bytes, name: "x")
                return
            }
            _ = signed.isSigned(by: bytes)
            for stream in signed.streams { _ = try? AlpineIndex(stream: stream, name: "x").lists("a") }
        case .apk:
            var package = AlpineIndex.Package()
            package.size = bytes.count
            try? AlpinePackageFile.check(bytes, is: package, name: "x")
        case .elf: _ = ELFHeader(bytes)?.interpreter
        case .dpkgStatus: _ = DpkgStatus.packages(bytes)
        case .webAddress:
            let lines = text.split(separator: "\n", maxSplits: 1).map(String.init)
            guard let first = lines.first, let address = try? WebAddress(first) else { return }
            _ = address.shown
            if lines.count > 1 { _ = try? address.redirected(to: lines[1]) }
        case .aptConfiguration:
            let apt = AptConfiguration(configurations: [text], logins: [text])
            _ = apt.proxy(scheme: "http", host: "a")
            if let address = try? WebAddress("https://a.example/b/c") { _ = apt.login(for: address) }
        case .wheelName:
            let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            let name = PythonPackages.normalizedName(parts[0])
            guard PythonPackages.isDistribution(name: String(parts[0]), version: String(parts.last ?? "")) else {
                return
            }
            guard PythonPackages.normalizedName(name) == name else { fatalError("normalized twice: \(text)") }
        case .distInfo:
            _ = DistInfo(bytes).name
            let files = DistInfo.files(of: bytes, in: Array("usr/lib/python3".utf8))
            guard files.allSatisfy({ !$0.split(separator: 0x2f).contains([0x2e, 0x2e]) }) else {
                fatalError("it climbs: \(text)")
            }
        }
    }
}

#if FUZZING
    /// The one reader that a run is of (READER), where it isn't of all.
    private let only = getenv("READER").flatMap { UInt8(String(cString: $0)) }

    @_cdecl("LLVMFuzzerTestOneInput")
    func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
        guard let first = count > 0 ? start[0] : nil, let reader = Reader(rawValue: only ?? first) else { return -1 }
        reader.read(Array(UnsafeBufferPointer(start: start + 1, count: count - 1)))
        return 0
    }
#endif
