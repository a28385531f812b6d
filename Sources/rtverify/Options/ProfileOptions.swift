import ArgumentParser
import ContentHash

/// Under which layouts a file's CIDs are computed.
struct ProfileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A profile: \(UnixFSProfile.named.map(\.name).joined(separator: ", ")), or all. May be repeated.",
            valueName: "name"))
    var profile: [String] = []
    @Option(help: ArgumentHelp("A layout of your own: bytes a leaf.", valueName: "bytes"))
    var chunkSize: Int?
    @Option(help: ArgumentHelp("Links an inner node.", valueName: "links"))
    var width: Int?
    @Flag(inversion: .prefixedNo, help: "Leaves are the bytes themselves, not wrapped in dag-pb.")
    var rawLeaves: Bool?
    @Option(help: ArgumentHelp("The CIDs' version, 0 or 1.", valueName: "version"))
    var cidVersion: Int?

    func validate() throws { _ = try profiles() }

    /// What was asked for, each once, in that order; the default profile when nothing was.
    func profiles() throws -> [UnixFSProfile] {
        var found: [UnixFSProfile] = []
        for name in profile {
            let named = name == "all" ? UnixFSProfile.named : UnixFSProfile.named.filter { $0.name == name }
            guard !named.isEmpty else {
                let names = UnixFSProfile.named.map(\.name).joined(separator: ", ")
                throw ValidationError("'\(name)' is no profile; there are \(names), and all.")
            }
            found += named.filter { !found.contains($0) }
        }
        guard chunkSize != nil || width != nil || rawLeaves != nil || cidVersion != nil else {
            return found.isEmpty ? [.v0_2015] : found
        }
        guard found.isEmpty else { throw ValidationError("Give a profile, or parameters of your own, not both.") }
        return [try ownProfile()]
    }

    /// What isn't given is as `ipfs add` of today has it: CIDv1 has raw leaves, CIDv0 hasn't.
    private func ownProfile() throws -> UnixFSProfile {
        let version = cidVersion ?? (rawLeaves == true ? 1 : 0)
        guard
            let profile = UnixFSProfile(
                chunkSize: chunkSize ?? UnixFSProfile.v0_2015.chunkSize, width: width ?? UnixFSProfile.v0_2015.width,
                rawLeaves: rawLeaves ?? (version == 1), cidVersion: version)
        else {
            throw ValidationError(
                "--chunk-size is from \(UnixFSProfile.chunkSizes.lowerBound) to \(UnixFSProfile.chunkSizes.upperBound), "
                    + "--width from \(UnixFSProfile.widths.lowerBound) to \(UnixFSProfile.widths.upperBound), "
                    + "--cid-version 0 or 1.")
        }
        return profile
    }
}
