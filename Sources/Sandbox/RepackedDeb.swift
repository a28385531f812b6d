import Archives
import ContentHash
import Glibc
import Host
import InputStore
import RuntimeSpec

/// A .deb of the store made into one whose members are not compressed, so that dpkg, which works on one core, has
/// nothing to decompress. The bytes are hashed while they are read, so what is unpacked is what was locked.
struct RepackedDeb {
    let package: Lockfile.Package
    /// The .deb in the store.
    let source: String
    /// The file to write.
    let target: String

    /// - Returns: What is known of it now.
    func write() throws -> PreparedPackage {
        let input = RegularFile.open(source)
        guard input >= 0 else {
            if errno == EINVAL { throw StoreError.changedObject(path: source, name: name) }
            throw SystemError("cannot read \(source)", errno)
        }
        defer { close(input) }
        let output = open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw SystemError("cannot write \(target)", errno) }
        defer { close(output) }

        let stream = HashingReader(descriptor: input, name: source)
        var writer = ArWriter(descriptor: output, path: target)
        let failure: (any Error)?
        do {
            try copyMembers(from: stream, to: &writer)
            failure = nil
        } catch let error as ArchiveError {
            failure = SandboxError.badPackage(package: name, reason: "it can't be read: \(error)")
        } catch {
            failure = error
        }
        // A changed object is called that, whatever else its bytes led to.
        try stream.drain()
        guard stream.finalize() == package.file.sha256 else {
            throw StoreError.changedObject(path: source, name: name)
        }
        if let failure { throw failure }
        let files = try PackageContents(
            package: name, descriptor: output, dataOffset: writer.dataOffset, size: writer.dataSize
        ).check()
        let isChanged = try writer.precedingDataMentions(ShippedFile.changingCommands)
        return PreparedPackage(
            package: package, shipped: isChanged ? [] : files,
            control: try PackageControl(PreparedDeb(name: package.name, descriptor: output)))
    }

    private var name: String { "\(package.name) \(package.version)" }

    private func copyMembers(from stream: HashingReader, to writer: inout ArWriter) throws {
        // A read error ends the stream, and is told when the rest is read.
        let outer = try ArchiveReader(
            .ar, isCompressed: false,
            from: .pieces { (try? stream.next()) ?? UnsafeRawBufferPointer(start: nil, count: 0) })
        var names: [String] = []
        while let member = try outer.next()?.pathText {
            // Members of later formats, which older readers pass over (deb(5)).
            if member.hasPrefix("_") || names.last == "data.tar" { continue }
            let base = member.prefix { $0 != "." } + (member.contains(".tar") ? ".tar" : "")
            names.append(String(base))
            if !member.contains(".tar") {
                try writer.member(named: member == "debian-binary" ? member : String(base)) { try outer.readAll($0) }
                continue
            }
            let inner = try ArchiveReader(.stream, isCompressed: true, from: .pieces { outer.nextBlock() })
            guard try inner.next() != nil else {
                throw SandboxError.badPackage(package: name, reason: "its \(member) is empty")
            }
            try writer.member(named: String(base)) { try inner.readAll($0) }
        }
        guard names == ["debian-binary", "control.tar", "data.tar"] else {
            throw SandboxError.badPackage(
                package: name, reason: "it is not a Debian package: its members are \(names.joined(separator: ", "))")
        }
    }
}

/// Writes an ar(5) archive in the form that deb(5) prescribes.
private struct ArWriter {
    let descriptor: CInt
    let path: String
    private var offset = 0
    /// Where the last member's bytes begin, and how many they are.
    private(set) var dataOffset = 0
    private(set) var dataSize = 0

    init(descriptor: CInt, path: String) { (self.descriptor, self.path) = (descriptor, path) }

    /// Writes a member whose size is known only when it ends: its header is written last.
    mutating func member(named name: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
        if offset == 0 { try append(Array("!<arch>\n".utf8)) }
        let header = offset
        try append([UInt8](repeating: 0x20, count: 60))
        dataOffset = offset
        var position = offset
        try body { bytes in
            try write(bytes, at: position)
            position += bytes.count
        }
        offset = position
        dataSize = position - dataOffset
        if dataSize % 2 == 1 { try append([10]) }
        func field(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: width - text.utf8.count)
        }
        let text =
            field(name, 16) + field("0", 12) + field("0", 6) + field("0", 6) + field("100644", 8)
            + field("\(dataSize)", 10) + "`\n"
        try Array(text.utf8).withUnsafeBytes { try write($0, at: header) }
    }

    /// Whether the members before the last contain one of these texts.
    func precedingDataMentions(_ texts: [String]) throws -> Bool {
        let bytes: [UInt8]
        do { bytes = try OpenFile.bytes(descriptor, at: 0, count: dataOffset) } catch {
            throw SystemError("cannot read \(path)", error.rawValue)
        }
        return texts.contains { bytesContain(bytes, Array($0.utf8)) }
    }

    private mutating func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
        offset += bytes.count
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws {
        do { try OpenFile.write(bytes, to: descriptor, at: position) } catch {
            throw SystemError("cannot write \(path)", error.rawValue)
        }
    }
}
