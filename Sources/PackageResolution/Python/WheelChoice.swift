import Host
import Mirrors
import RuntimeSpec
import Sandbox

/// What pip chooses under the target's interpreter.
extension TargetPrograms {
    /// The wheels that pip chooses for requirements, kept in the store.
    /// - Parameters:
    ///   - own: Wheels of the user's own, by path beside the manifest; they are in the store.
    ///   - pip: Its packages are in the store.
    ///   - held: Versions to hold, by normalized name.
    ///   - name: The runtime's.
    func wheels(
        for packages: PythonPackages, with own: [Lockfile.Input] = [], of pip: PipTarget,
        holding held: [String: String], name: String
    ) async throws -> [Lockfile.Wheel] {
        if isOffline { throw ResolutionError.offline("Python's wheels") }
        let held = held.filter { pin in !own.contains { PythonPackages.project(ofWheel: $0.path) == pin.key } }
        return try await ask(.wheels(for: packages, with: own, of: pip, holding: held), for: name) { answer in
            let chosen = Set(answer.choices.map(\.name))
            if let left = own.first(where: { !chosen.contains(PythonPackages.project(ofWheel: $0.path)) }) {
                throw ResolutionError.malformed(
                    "pip leaves \(left.path) out: the base has that version of it already; leave it out of 'python.wheels', give it "
                        + "another version, or name another 'python.target'")
            }
            let files = Folder.names(in: answer.wheelFolder)
            return try answer.choices.map { choice in
                if let file = own.first(where: { PythonPackages.project(ofWheel: $0.path) == choice.name }) {
                    return Lockfile.Wheel(
                        name: choice.name, version: choice.version,
                        file: Lockfile.Input(
                            path: PythonPackages.fileName(of: file.path), size: file.size, sha256: file.sha256))
                }
                guard let name = files.first(where: { Self.isWheel($0, of: choice.name) }) else {
                    throw ResolutionError.malformed("pip fetched no wheel of \(choice.name) \(choice.version)")
                }
                let bytes = try SmallFile.bytes("\(answer.wheelFolder)/\(name)")
                _ = try store.keep(bytes)
                return Lockfile.Wheel(
                    name: choice.name, version: choice.version, file: Lockfile.Input(path: name, of: bytes))
            }
        }
    }

    private static func isWheel(_ file: String, of name: String) -> Bool {
        file.hasSuffix(".whl") && PythonPackages.normalizedName(file.prefix { $0 != "-" }) == name
    }

    /// What pip chooses from a lock's own wheels alone, without network.
    func rederivedWheels(for python: Lockfile.Python, of lock: Lockfile) async throws -> [PackageChoice] {
        do {
            return try await ask(.wheelsAgain(python, of: PipTarget(lock, python)), for: lock.name, use: \.choices)
        } catch SandboxError.noChoice(let reason) {
            // pip finds no choice among the lock's wheels: one is missing.
            throw ResolutionError.contradicted([reason])
        }
    }
}
