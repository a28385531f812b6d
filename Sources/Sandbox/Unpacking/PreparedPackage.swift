import Archives
import RuntimeSpec

/// A package in the private folder of a root, ready to be unpacked there.
public struct PreparedPackage: Sendable {
    /// What the lock has of it.
    public let package: Lockfile.Package
    /// Those of its files that nothing is expected to touch once they are unpacked.
    public let shipped: [ShippedFile]
    /// Whether something must run before its files are put in place.
    public let hasScript: Bool
    /// Whether dpkg has to unpack it, whatever the root holds.
    public let isOdd: Bool
    private let conflicts: DebianConflicts
    private let subjects: [DebianConflicts.Subject]

    init(package: Lockfile.Package, shipped: [ShippedFile], control: PackageControl) {
        (self.package, self.shipped) = (package, shipped)
        hasScript = control["preinst"] != nil
        conflicts = DebianConflicts(of: control.fields)
        subjects = DebianConflicts.subjects(of: control.fields, version: package.version)
        let isLocked =
            control.fields["package"] == package.name && control.fields["version"] == package.version
            && control.fields["architecture"] == package.architecture
        isOdd = control.isOdd || !isLocked
    }

    /// Whether one says of the other that it must not be beside it.
    public func isInConflict(with other: PreparedPackage) -> Bool {
        conflicts.hold(of: other.subjects) || other.conflicts.hold(of: subjects)
    }
}
