/// Digests in the order in which they were added, each once, found in constant time.
///
/// Memory: 32 bytes a digest, and 5 to 10 for the table that finds it (15 while that grows).
struct DigestIndex: Sendable {
    private var digests = PagedArray<Digest>()
    /// Numbers of digests, at a slot near the one that a digest's first bits name; -1 where none is.
    private var slots = [Int32](repeating: -1, count: 1024)

    var count: Int { digests.count }

    subscript(number: Int) -> Digest { digests[number] }

    /// The number of a digest; nil when it isn't there.
    func number(of digest: Digest) -> Int? {
        let found = slots[slot(of: digest)]
        return found < 0 ? nil : Int(found)
    }

    /// Adds a digest.
    /// - Returns: Its number, and whether it is new.
    mutating func insert(_ digest: Digest) -> (number: Int, isNew: Bool) {
        let slot = slot(of: digest)
        if slots[slot] >= 0 { return (Int(slots[slot]), false) }
        slots[slot] = Int32(count)
        digests.append(digest)
        if count > slots.count / 5 * 4 { grow() }
        return (count - 1, true)
    }

    /// Where a digest is, or would be put.
    private func slot(of digest: Digest) -> Int {
        var slot = Int(truncatingIfNeeded: digest.hashBits) & (slots.count - 1)
        while slots[slot] >= 0, self[Int(slots[slot])] != digest { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: 2 * slots.count)
        for number in 0..<count { slots[slot(of: self[number])] = Int32(number) }
    }
}

/// An array that grows by pages, so that growing neither moves what it has nor holds it twice.
struct PagedArray<Element: Sendable>: Sendable {
    private var pages: [[Element]] = []
    private(set) var count = 0

    private static var pageSize: Int { 1 << 14 }

    subscript(index: Int) -> Element {
        get { pages[index / Self.pageSize][index % Self.pageSize] }
        set { pages[index / Self.pageSize][index % Self.pageSize] = newValue }
    }

    mutating func append(_ element: Element) {
        if count.isMultiple(of: Self.pageSize) {
            pages.append([])
            pages[pages.count - 1].reserveCapacity(Self.pageSize)
        }
        pages[pages.count - 1].append(element)
        count += 1
    }
}
