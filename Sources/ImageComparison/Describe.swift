import ContentHash
import FileTree
import Glibc
import Host

/// Fields in words.
enum Describe {
    static func entry(_ entry: TreeEntry) -> String {
        switch entry.kind {
        case .directory: "a folder"
        case .file(let size):
            "\(entry.isExecutable ? "an executable" : "a file") of \(size) bytes, \(Octal.text(entry.mode))"
        default: kind(entry.kind)
        }
    }

    static func kind(_ kind: TreeEntry.Kind) -> String {
        switch kind {
        case .directory: "a folder"
        case .file: "a file"
        case .symbolicLink(let target): "a link to \(TerminalText.report(target))"
        case .device(let isBlock, let major, let minor): "\(isBlock ? "block" : "character") device \(major):\(minor)"
        case .fifo: "a named pipe"
        case .socket: "a socket"
        }
    }

    static func time(_ seconds: Int) -> String {
        var (time, parts) = (time_t(seconds), tm())
        guard gmtime_r(&time, &parts) != nil else { return "\(seconds)" }
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }

    static func attribute(_ attribute: TreeEntry.Attribute) -> String {
        "\(TerminalText.report(attribute.name))=\(Hex.encode(attribute.value))"
    }

    static func group(_ names: [[UInt8]]) -> String {
        names.count == 1
            ? "by itself"
            : "one file with " + names.prefix(10).map(readable).joined(separator: ", ")
                + (names.count > 10 ? " and \(names.count - 10) more" : "")
    }
}
