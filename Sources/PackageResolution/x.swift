enum PackageResolutionPlaceholder {}
