enum SquashfsImagePlaceholder {}
