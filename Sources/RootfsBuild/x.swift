enum RootfsBuildPlaceholder {}
