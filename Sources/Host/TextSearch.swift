import CLinux

// Byte for byte, as the formats and paths that are looked through have it. Without these, files that see Foundation through a
// dependency call its method of this name, which brings all of Foundation and ICU's data, 44 MB, into the program.

extension String {
    /// Whether another text's bytes are part of this one's.
    public func contains(_ part: String) -> Bool { textContains(self, part) }

    /// Whether another text's bytes are part of this one's.
    public func contains(_ part: Substring) -> Bool { textContains(self, part) }
}

extension Substring {
    /// Whether another text's bytes are part of this one's.
    public func contains(_ part: String) -> Bool { textContains(self, part) }

    /// Whether another text's bytes are part of this one's.
    public func contains(_ part: Substring) -> Bool { textContains(self, part) }
}

/// memmem(3), which finds an empty text everywhere.
private func textContains(_ text: some StringProtocol, _ part: some StringProtocol) -> Bool {
    // Both are UTF-8 in memory already, or are made so.
    var (text, part) = (String(text), String(part))
    return text.withUTF8 { text in
        part.withUTF8 { rtv_contains(text.baseAddress, text.count, $0.baseAddress, $0.count) != 0 }
    }
}
