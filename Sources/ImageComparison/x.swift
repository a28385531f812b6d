enum ImageComparisonPlaceholder {}
