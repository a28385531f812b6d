import ContentHash
import ImageComparison

/// An image, held against what its lock gives when it is built again.
public struct RebuildComparison: Sendable {
    /// Whether the lock's image has the same bytes.
    public let isSame: Bool
    /// What the two differ in; nil where they don't, or where there is no file to compare.
    public let difference: Result<ComparisonReport, any Error>?

    /// Builds the lock's image beside whatever else is built of it.
    /// - Parameter image: The file with that identity, to say what differs; nil where there is none.
    /// - Throws: `BuildError` and its like, where it can't be built.
    public init(
        of runtime: ImageBuilder.LockedRuntime, with identity: FileIdentity, image: String?, builder: ImageBuilder
    ) async throws {
        self = try await builder.rebuild(runtime) { rebuilt, path in
            if rebuilt.sha256 == identity.sha256 { return RebuildComparison(isSame: true, difference: nil) }
            guard let image else { return RebuildComparison(isSame: false, difference: nil) }
            do {
                let report = try await Examination.compare(image, path, options: .init(locks: [runtime.text]))
                return RebuildComparison(isSame: false, difference: .success(report))
            } catch { return RebuildComparison(isSame: false, difference: .failure(error)) }
        }
    }

    private init(isSame: Bool, difference: Result<ComparisonReport, any Error>?) {
        (self.isSame, self.difference) = (isSame, difference)
    }
}
