import Host

extension AptConfiguration {
    /// What this host's apt is configured with.
    /// - Parameter folder: apt's own.
    package init(folder: String = "/etc/apt") {
        func texts(_ single: String, _ parts: String) -> [String] {
            let names = Folder.names(in: "\(folder)/\(parts)").filter { name in
                !name.contains(".") || name.hasSuffix(".conf")
            }
            // What can't be read (auth.conf is root's alone, as a rule) is none.
            return (names.map { "\(folder)/\(parts)/\($0)" } + ["\(folder)/\(single)"]).compactMap { path in
                try? SmallFile.text(path)
            }
        }
        self.init(
            configurations: texts("apt.conf", "apt.conf.d"), logins: texts("auth.conf", "auth.conf.d"))
    }
}
