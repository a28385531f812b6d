import ContentHash

/// What a lock's entries must have in common.
extension Lockfile {
    func check(file: String) throws {
        func fail(_ reason: String) -> SpecError { .inconsistent(file: file, reason: reason) }
        switch base {
        case .debian(let debian): try check(debian, fail)
        case .alpine(let alpine): try alpine.check(fail)
        case .tarball: break
        case .empty: if !contents.steps.isEmpty { throw fail("an empty base has neither packages nor steps") }
        }
        if let python { try check(python, fail) }
        try checkAgent(fail)
        if toolchain.isEmpty { throw fail("it lists no toolchain (was the file cut short?)") }
        if let twice = Manifest.firstDuplicate(archives.map(\.name)) { throw fail("archive '\(twice)' stands twice") }
        for list in [packages, toolchain, contents.agent?.compiler ?? []] {
            if let twice = Manifest.firstDuplicate(list.map(\.name)) { throw fail("package '\(twice)' stands twice") }
            for package in list {
                guard let name = package.archive, archive(named: name) == nil else { continue }
                throw fail("package '\(package.name)' is from archive '\(name)', which it doesn't list")
            }
        }
        let targets = contents.ownFiles.map(\.target) + contents.links.map(\.target)
        for list in [targets, contents.folders.map(\.target)] {
            if let twice = Manifest.firstDuplicate(list) { throw fail("file '\(twice)' stands twice") }
        }
        if contents.needsFormat4 || base.needsFormat4, format.version < 4 {
            throw fail(
                "its format is \(format.version), and it has what comes with 4: a folder, a link, an owner, a largest-file, or a "
                    + "version or suite that was asked for"
            )
        }
        if let own = tools.first(where: { $0.archive == nil }) {
            throw fail("package '\(own.name)' is from no archive")
        }
        try checkThirdParties(fail)
        for archive in archives where archive.indexes.isEmpty || archive.keys.isEmpty {
            throw fail("archive '\(archive.name)' has no \(archive.keys.isEmpty ? "keys" : "index")")
        }
        try checkSizes(fail)
    }

    private func checkThirdParties(_ fail: (String) -> SpecError) throws {
        let isNew = base.needsFormat5 || contents.needsFormat5(on: base) || !thirdPartyArchives.isEmpty
        if isNew, format.version < 5 {
            throw fail(
                "its format is \(format.version), and it has what comes with 5: an archive of other people, a package or wheel of "
                    + "the user's own, a repository that is none of the release's, a hash that was asked for, or wheels on a base with a Python of its own"
            )
        }
        for archive in archives {
            if archive.components.isEmpty != ThirdPartyArchive.isFlat(archive.suite) {
                throw fail("archive '\(archive.name)' has components, or none, that its suite can't have")
            }
            if ThirdPartyArchive.isFlat(archive.suite), archive.thirdParty == nil {
                throw fail("archive '\(archive.name)' is flat, and not other people's: it has no 'url'")
            }
        }
        if let foreign = tools.first(where: { $0.archive.flatMap(archive(named:))?.thirdParty != nil }) {
            throw fail("\(foreign.name) of the toolchain is from \(foreign.archive ?? ""), an archive of other people")
        }
    }

    private func checkAgent(_ fail: (String) -> SpecError) throws {
        let isStarted = contents.initScript?.program == .agent
        guard let agent = contents.agent else {
            if isStarted {
                throw fail("its init starts an agent, and it lists no source of one (was the file cut short?)")
            }
            return
        }
        if !isStarted { throw fail("it has an agent, and no init that starts it") }
        if format.version < 3 { throw fail("its format is \(format.version), and it has an agent, which comes with 3") }
        try agent.check(fail)
    }

    private func check(_ debian: Debian, _ fail: (String) -> SpecError) throws {
        if (debian.selection != nil) != (format.version > 1) {
            throw fail(
                debian.selection == nil
                    ? "its format is \(format.version), and it doesn't say what was asked for (was the file cut short?)"
                    : "\(system.phrase) of format \(format.version) has no 'variant'")
        }
        if debian.packages.isEmpty { throw fail("it lists no package (was the file cut short?)") }
        let used = Set(debian.packages.map(\.stage))
        if let last = used.max(), used.count != last + 1 {
            throw fail("stages 0 to \(last) don't all have packages")
        }
    }

    private func check(_ python: Python, _ fail: (String) -> SpecError) throws {
        if let twice = Manifest.firstDuplicate(python.wheels.map(\.name)) {
            throw fail("wheel '\(twice)' stands twice")
        }
        let names = Set((system == .empty ? toolchain : packages).map(\.name))
        if let unknown = python.interpreter.first(where: { !names.contains($0) }) {
            throw fail("the interpreter's package '\(unknown)' isn't in it")
        }
        for path in python.packages.wheels
        where !python.wheels.contains(where: { $0.file.path == PythonPackages.fileName(of: path) }) {
            throw fail("it lists no wheel of '\(path)'")
        }
        for name in PythonPackages.tools where !toolchain.contains(where: { $0.name == name }) {
            throw fail("it has wheels, and its toolchain lacks \(name)")
        }
    }

    /// Bytes of one hash have one size.
    private func checkSizes(_ fail: (String) -> SpecError) throws {
        var sizes: [Digest: Int] = [:]
        for input in inputs {
            if let known = sizes.updateValue(input.size, forKey: input.sha256), known != input.size {
                throw fail("\(input.sha256) has two sizes, \(known) and \(input.size)")
            }
        }
    }
}
