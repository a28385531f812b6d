import RuntimeSpec

extension Lockfile {
    /// What of its inputs will leave the servers that have them, for people: each kind with its reason.
    public var vanishing: [String] {
        func count(_ number: Int, _ one: String, _ several: String) -> String {
            number == 1 ? "a \(one)" : "\(number) \(several)"
        }
        var lines: [String] = []
        if let alpine {
            let own = alpine.packages.count { !$0.file.isWeb }
            if own > 0 {
                lines.append(
                    "\(count(own, "package", "packages")) of Alpine, whose mirrors keep the newest version alone")
            }
            for repository in alpine.repositories {
                guard let url = repository.url else { continue }
                let number = alpine.packages.count { $0.repository == repository.name }
                lines.append("\(count(number, "package", "packages")) of \(url), which nobody mirrors")
            }
        }
        for archive in thirdPartyArchives {
            let number = packages.count { $0.archive == archive.name }
            lines.append(
                "\(count(number, "package", "packages")) of \(archive.ownName) (\(archive.thirdParty?.url ?? "")), which nobody mirrors"
            )
        }
        let web = manifestInputs.count(where: \.isWeb)
        if web > 0 { lines.append("\(count(web, "file", "files")) of the web") }
        if let python, python.wheels.count > python.ownWheels.count {
            lines.append(
                "\(count(python.wheels.count - python.ownWheels.count, "wheel", "wheels")) of an index, which isn't signed and may drop them"
            )
        }
        return lines
    }
}
