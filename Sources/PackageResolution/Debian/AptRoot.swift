import Glibc
import Host
import RuntimeSpec
import Subprocess
import Synchronization
import SystemPackage

/// A private root of apt's own, in which it has read verified indexes: what is asked of the same archives again needs no
/// reading.
final class AptRoot: Sendable {
    private let folder: TemporaryFolder
    private let questions = Atomic(0)
    private var path: String { folder.path }

    /// Lays the archives out and has apt read them.
    init(_ archives: [ArchiveState], with own: OwnPackages) async throws {
        folder = try TemporaryFolder()
        let root = folder.path
        for part in [
            "etc/preferences.d", "etc/apt.conf.d", "etc/sources.list.d", "etc/trusted.gpg.d",
            "state/lists/partial", "cache/archives/partial", "log",
        ] { try Folder.create("\(root)/\(part)") }
        try AtomicFile.write("", to: "\(root)/status")
        let compressions = ReleaseFile.compressions.filter { compression in
            archives.contains { $0.archive.indexes.contains { $0.path.hasSuffix(".\(compression)") } }
        }
        try AtomicFile.write(Self.configuration(root: root, compressions).pathBytes, to: "\(root)/apt.conf")
        var sources = ""
        func add(_ base: String, _ rest: String) {
            // Trusted, because its signature and hashes were checked here before apt sees it.
            sources += "deb [trusted=yes by-hash=no arch=amd64] file:\(Self.quoted(base)) \(rest)\n"
        }
        for (number, archive) in archives.enumerated() {
            let base = "\(root)/archive-\(number)"
            add(base, try archive.write(to: base, label: AptResolver.label(number)))
        }
        if !own.wishes.isEmpty {
            try Folder.create("\(root)/own")
            try AtomicFile.write(own.index.text, to: "\(root)/own/Packages")
            add("\(root)/own", "./")
        }
        try AtomicFile.write(sources.pathBytes, to: "\(root)/etc/sources.list")
        _ = try await aptGet(["-q", "update"])
    }

    deinit { folder.remove() }

    /// What apt would do.
    /// - Parameters:
    ///   - wanted: As apt-get takes it.
    ///   - preferences: Its pins (apt_preferences(5)).
    func plan(_ wanted: [String], preferences: String) async throws -> String {
        let number = questions.add(1, ordering: .relaxed).newValue
        let file = "\(path)/etc/preferences-\(number)"
        try AtomicFile.write(preferences, to: file)
        return try await aptGet(
            ["-o", "Dir::Etc::preferences=\(file)", "-s", "-q", "install", "--no-install-recommends"] + wanted)
    }

    /// A path in a line of sources.list(5), which ends it at a blank.
    private static func quoted(_ path: String) -> String {
        path.replacing("%", with: "%25").replacing(" ", with: "%20").replacing("\t", with: "%09")
            .replacing("[", with: "%5b").replacing("#", with: "%23")
    }

    /// - Parameter compressions: Endings of the indexes that are there.
    private static func configuration(root: String, _ compressions: [String]) -> String {
        """
        Dir "\(root)";
        Dir::Etc "\(root)/etc";
        Dir::Etc::main "/dev/null";
        Dir::Etc::parts "\(root)/etc/apt.conf.d";
        Dir::Etc::sourcelist "\(root)/etc/sources.list";
        Dir::Etc::sourceparts "\(root)/etc/sources.list.d";
        Dir::Etc::preferences "\(root)/etc/preferences";
        Dir::Etc::preferencesparts "\(root)/etc/preferences.d";
        Dir::Etc::trustedparts "\(root)/etc/trusted.gpg.d";
        Dir::State "\(root)/state";
        Dir::State::status "\(root)/status";
        Dir::Cache "\(root)/cache";
        Dir::Log "\(root)/log";
        APT::Architecture "amd64";
        APT::Architectures { "amd64"; };
        APT::Sandbox::User "root";
        APT::Install-Recommends "false";
        APT::Install-Suggests "false";
        APT::Solver "internal";
        APT::Cmd::Pattern-Only "true";
        Acquire::Languages "none";
        Acquire::Check-Valid-Until "false";
        Acquire::Check-Date "false";

        """ + compressions.filter { !$0.isEmpty }.map { "Acquire::CompressionTypes::Order:: \"\($0)\";\n" }.joined()
    }

    private func aptGet(_ arguments: [String]) async throws -> String {
        let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
        do {
            result = try await run(
                .name("apt-get"), arguments: Arguments(arguments.map(\.pathArgument)),
                environment: .custom(
                    [
                        "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=\(path)", "APT_CONFIG=\(path)/apt.conf",
                        "DEBIAN_FRONTEND=noninteractive",
                    ].map(\.pathArgument)),
                output: .string(limit: 1 << 24), error: .string(limit: 1 << 20))
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw ResolutionError.programMissing("apt-get", package: "apt")
        }
        guard result.terminationStatus.isSuccess else {
            let lines = (result.standardOutput + result.standardError).split(separator: "\n")
            throw ResolutionError.unresolvable(lines.suffix(25).map { "  \($0)" }.joined(separator: "\n"))
        }
        return result.standardOutput
    }
}

/// The roots of one resolution: one for each set of archives that is asked.
final class AptRoots: Sendable {
    private let roots = Mutex<[(archives: [Lockfile.Archive], root: AptRoot)]>([])

    /// The root of these archives, made where there is none.
    func root(of archives: [ArchiveState], with own: OwnPackages) async throws -> AptRoot {
        let names = archives.map(\.archive)
        // What has less than its archive serves, or packages beside it, is nobody else's.
        let isShared = own.wishes.isEmpty && !archives.contains(where: \.isPartial)
        if isShared, let found = roots.withLock({ $0.first { $0.archives == names } }) { return found.root }
        let root = try await AptRoot(archives, with: own)
        if isShared { roots.withLock { $0.append((names, root)) } }
        return root
    }
}
