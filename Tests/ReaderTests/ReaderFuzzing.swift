import RuntimeSpec

#if !FUZZING
    import ImageComparison
    import InputStore
    import PackageResolution
#endif

/// Readers of what strangers wrote, by the number of their target.
enum Reader: UInt8, CaseIterable {
    case lockfile, manifest, deb822, release, gpgv, keyring, ar, apkIndex, apk, elf, dpkgStatus, webAddress,
        aptConfiguration

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
        case .keyring: _ = KeyringKind(bytes)
        case .ar: _ = try? PackageFile.data(of: bytes, name: "x") { _ in true }
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
            // It reads the host's files as well, and so needs all of InputStore, which the fuzzer isn't built with.
            #if !FUZZING
                _ = AptConfiguration.parse(text)
            #endif
        }
    }
}

#if FUZZING
    /// The target is compiled in: a run is of one reader.
    @_cdecl("LLVMFuzzerTestOneInput")
    func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
        guard let first = count > 0 ? start[0] : nil, let reader = Reader(rawValue: first) else { return -1 }
        reader.read(Array(UnsafeBufferPointer(start: start + 1, count: count - 1)))
        return 0
    }
#endif
