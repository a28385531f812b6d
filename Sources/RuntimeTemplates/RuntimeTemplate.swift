import Glibc
import Host
import RuntimeSpec

/// A manifest to start from, with the files that it names.
public struct RuntimeTemplate: Sendable {
    /// As `--template` takes it.
    public let name: String
    /// What it is for, in a line.
    public let summary: String
    /// The manifest's text.
    public let manifest: String
    /// Files beside it.
    public let files: [File]

    /// A file that a manifest names.
    public struct File: Sendable {
        /// Relative to the manifest's folder.
        public let name: String
        /// Permission bits.
        public let mode: Int
        /// What it holds.
        public let bytes: [UInt8]

        init(_ name: String, _ bytes: [UInt8], mode: Int = 0o644) {
            (self.name, self.mode, self.bytes) = (name, mode, bytes)
        }
    }

    private init(_ name: String, _ summary: String, _ manifest: [UInt8], _ files: [File] = []) {
        (self.name, self.summary, self.files) = (name, summary, files)
        self.manifest = String(decoding: manifest, as: UTF8.self)
    }

    private static let officialFiles = [
        File("inittab", PackageResources.inittab), File("securetty", PackageResources.securetty),
        File("sshd_config.conf", PackageResources.sshd_config_conf),
    ]
    private static let hello = [File("hello", PackageResources.hello, mode: 0o755)]

    /// All of them; the first is the one that is taken when none is named. Those of `runtimes/` are the same files.
    public static let all = [
        RuntimeTemplate(
            "debian-12-minimal", "Debian 12 with Python, TLS roots and a locale",
            PackageResources.debian_12_minimal_toml),
        RuntimeTemplate(
            "aleph-debian-12-python", "Aleph's official Debian 12: Python 3.11, Node.js 18, Aleph's packages",
            PackageResources.aleph_debian_12_python_toml, officialFiles),
        RuntimeTemplate(
            "debian-13-minimal", "Debian 13 with Python, TLS roots and a locale",
            PackageResources.debian_13_minimal_toml),
        RuntimeTemplate(
            "aleph-debian-13-python", "Aleph's official set on Debian 13: Python 3.13, Node.js 20, Aleph's packages",
            PackageResources.aleph_debian_13_python_toml, officialFiles),
        RuntimeTemplate(
            "aleph-debian-11-python-node", "Aleph's official Debian 11: Python 3.9, Node.js 14",
            PackageResources.aleph_debian_11_python_node_toml, officialFiles),
        RuntimeTemplate(
            "alpine-minimal", "Alpine's minirootfs, for programs that bring all they need",
            PackageResources.alpine_minimal_toml),
        RuntimeTemplate(
            "python-volume", "a volume of Python packages for a Debian 12 runtime",
            PackageResources.example_python_volume_toml, [File("README.txt", PackageResources.volume_README_txt)]),
        RuntimeTemplate("tarball", "any root file system in a tar archive", PackageResources.tarball_toml, hello),
        RuntimeTemplate("empty", "a volume of files", PackageResources.empty_toml, hello),
    ]

    /// A file that would be overwritten.
    public struct AlreadyThere: Error, CustomStringConvertible {
        let path: String

        /// For people.
        public var description: String { "\(path) is there already and is left as it is; choose another folder" }
    }

    /// Writes the files, and then the manifest under the folder's name, as `runtime.toml`.
    /// - Returns: The manifest's path.
    /// - Throws: `AlreadyThere`, `SpecError` for a folder whose name is no runtime's, `SystemError`.
    public func write(to directory: String) throws -> String {
        let name = String(Paths.absolute(directory).split(separator: "/").last { $0 != "." } ?? "")
        let text = manifest(named: name)
        let path = "\(directory)/runtime.toml"
        _ = try Manifest(text: text, file: path)
        for file in ["runtime.toml"] + files.map(\.name) where access("\(directory)/\(file)", F_OK) == 0 {
            throw AlreadyThere(path: "\(directory)/\(file)")
        }
        try Folder.create(directory)
        for file in files {
            let output = try AtomicFile(replacing: "\(directory)/\(file.name)", mode: mode_t(file.mode))
            try file.bytes.withUnsafeBytes { try output.write($0) }
            try output.publish()
        }
        try AtomicFile.write(text, to: path)
        return path
    }

    /// The manifest for a runtime of another name.
    public func manifest(named name: String) -> String {
        var lines = manifest.split(separator: "\n", omittingEmptySubsequences: false)
        guard let index = lines.firstIndex(where: { $0.hasPrefix("name = ") }) else { return manifest }
        lines[index] = "name = \"\(name)\""
        return lines.joined(separator: "\n")
    }
}
