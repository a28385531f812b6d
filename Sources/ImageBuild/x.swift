enum ImageBuildPlaceholder {}
