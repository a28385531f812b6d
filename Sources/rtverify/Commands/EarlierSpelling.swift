import Host

/// What `rtverify lock` and `rtverify message` were told by flags before there were subcommands. They work for one more release,
/// with a note.
enum EarlierSpelling {
    private static let subcommands = [
        "--update": "update", "--check": "check", "--verify": "verify", "--from-image": "draft", "--upgrade": "upgrade",
    ]

    /// The words of a command line in today's spelling, and what is to be said of it.
    static func today(_ arguments: [String]) -> (words: [String], note: String?) {
        if arguments.first == "message", arguments.contains("--prepare") { return preparation(arguments) }
        guard arguments.first == "lock" else { return (arguments, nil) }
        var words = Array(arguments.dropFirst())
        if words.first == "resolve" { words.removeFirst() }
        // A subcommand has flags of its own.
        if let first = words.first, first == "diff" || subcommands.values.contains(first) { return (arguments, nil) }
        guard let index = words.firstIndex(where: { subcommands[$0] != nil }), let name = subcommands[words[index]]
        else { return (arguments, nil) }
        let flag = words.remove(at: index)
        return (
            ["lock", name] + words,
            "`rtverify lock \(flag)` is `rtverify lock \(name)` now; the flag goes with the next release"
        )
    }

    private static func preparation(_ arguments: [String]) -> (words: [String], note: String?) {
        let words = arguments.dropFirst().filter { $0 != "--prepare" && $0 != "--ipfs" }
        return (
            ["publish", "prepare"] + words + (arguments.contains("--ipfs") ? ["--engine", "ipfs"] : []),
            "`rtverify message --prepare` is `rtverify publish prepare` now; the flag goes with the next release"
        )
    }
}
