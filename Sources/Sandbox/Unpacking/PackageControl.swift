import Archives
import func Host.bytesContain

/// What a package says of itself, and brings along for dpkg (deb-control(5), deb(5)): the files of its control.tar.
struct PackageControl: Sendable {
    struct File: Sendable {
        var name: String
        var bytes: [UInt8]
        var mode: Int
        /// Seconds since 1970-01-01 UTC.
        var time: Int
    }

    /// In their order.
    let files: [File]
    /// The control file's.
    let fields: Deb822
    /// Whether it holds nothing but files with names that dpkg's documentation has.
    let isPlain: Bool

    /// Besides `control`; dpkg keeps each as /var/lib/dpkg/info/PACKAGE.NAME.
    private static let known: Set<String> = [
        "md5sums", "triggers", "shlibs", "symbols", "preinst", "postinst", "prerm", "postrm", "conffiles", "templates",
        "config",
    ]
    /// Bytes of all of them.
    private static let limit = 64 << 20

    /// - Throws: `SandboxError.badPackage`.
    init(_ package: PreparedDeb) throws {
        var (files, isPlain, left): ([File], Bool, Int) = ([], true, Self.limit)
        do {
            let reader = try ArchiveReader(.tar, isCompressed: false, from: package.controlSource)
            while let entry = try reader.next() {
                let name = entry.pathText.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
                if entry.kind == .folder, name.isEmpty { continue }
                let isNumbered = entry.uid == 0 && entry.gid == 0
                guard entry.kind == .file, entry.hardLinkTarget == nil, isNumbered, !entry.hasAttributes,
                    name == "control" || Self.known.contains(name), !files.contains(where: { $0.name == name })
                else {
                    isPlain = false
                    continue
                }
                let bytes = try reader.bytes(limit: left)
                left -= bytes.count
                files.append(File(name: name, bytes: bytes, mode: entry.permissions, time: entry.seconds))
            }
        } catch let error as ArchiveError {
            throw SandboxError.badPackage(package: package.name, reason: "its control archive can't be read: \(error)")
        }
        self.files = files
        let control = files.first { $0.name == "control" }?.bytes ?? []
        fields = Deb822(paragraph: control)
        // One paragraph, whose first field is the name, as dpkg-deb writes it.
        self.isPlain =
            isPlain && control.starts(with: Array("Package:".utf8)) && !control.contains(0) && !control.contains(13)
            && !bytesContain(Array(control.drop { $0 == 10 }), Array("\n\n".utf8)) && control.last == 10
    }

    subscript(_ name: String) -> [UInt8]? { files.first { $0.name == name }?.bytes }

    private func lines(of name: String) -> [String] {
        String(decoding: self[name] ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Absolute paths of configuration files, where `isOdd` isn't.
    var configurationFiles: [String] { lines(of: "conffiles") }

    /// Lines that are no comments, their words with one blank between.
    private var triggers: [[Substring]] {
        lines(of: "triggers").map { $0.split { $0 == " " || $0 == "\t" } }.filter { $0.first?.hasPrefix("#") == false }
    }

    /// The triggers that its unpacking activates (deb-triggers(5)).
    var activated: [String] { triggers.filter { $0.count == 2 }.map { String($0[1]) } }

    /// Words of a script that changes how files are unpacked, or asks somebody.
    private static let telling = ["dpkg-divert", "dpkg-statoverride", "dpkg-trigger", "confmodule"]

    /// Fields that a package may not have, or that dpkg writes itself.
    private static let records = ["status", "config-version", "conffiles", "triggers-pending", "triggers-awaited"]

    /// Whether dpkg would do more than put its files in place, run its preinst and write what it has down, or would refuse it.
    var isOdd: Bool {
        let hasOddTriggers = triggers.contains { words in
            !["activate", "activate-await", "activate-noawait"].contains(words[0]) || words.count != 2
                || words[1].contains("#")
        }
        let conffiles = self["conffiles"] ?? []
        let hasOddConffiles =
            !(conffiles.isEmpty || conffiles.last == 10)
            || configurationFiles.contains { !$0.hasPrefix("/") || $0.contains { " \t\r#".contains($0) } }
        let preinst = files.first { $0.name == "preinst" }
        let hasOddScript =
            preinst.map { script in
                // dpkg makes it one that can be run.
                script.mode & 0o555 != 0o555 || Self.telling.contains { bytesContain(script.bytes, Array($0.utf8)) }
            } ?? false
        let name = fields["package"] ?? ""
        let isNamed =
            !name.isEmpty && name == name.lowercased() && fields["version"] != nil && fields["architecture"] != nil
        // dpkg makes the sums of a package that has none.
        return !isPlain || self["md5sums"] == nil || hasOddTriggers || hasOddConffiles || hasOddScript || !isNamed
            || Self.records.contains { fields[$0] != nil }
    }

    /// What dpkg calls the package where it has to tell it from another architecture's.
    var recordName: String {
        let name = fields["package"] ?? ""
        return fields["multi-arch"]?.lowercased() == "same" ? "\(name):\(fields["architecture"] ?? "")" : name
    }
}
