/// One field of a lock's entry: its keys, and how its value is read from them and written to them.
struct EntryField<Entry, Value>: Sendable {
    let keys: [String]
    let read: @Sendable (TOMLFields) throws -> Value
    let write: @Sendable (Entry, inout TOMLText) -> Void
}

/// How a table of a lock is spelt: its fields in the order in which they are written. Reader, writer and the keys that are
/// known come from this one list, so that none of them can forget a field.
struct EntryForm<Entry>: Sendable {
    /// The keys that such a table may have.
    let keys: [String]
    /// - Throws: `SpecError`.
    let read: @Sendable (TOMLFields) throws -> Entry
    let write: @Sendable (Entry, inout TOMLText) -> Void

    /// - Parameter make: Gets the fields' values in their order.
    init<each Value>(
        _ field: repeat EntryField<Entry, each Value>, make: @escaping @Sendable (repeat each Value) -> Entry
    ) {
        var keys: [String] = []
        repeat keys += (each field).keys
        self.keys = keys
        read = { fields in make(repeat try (each field).read(fields)) }
        write = { entry, text in repeat (each field).write(entry, &text) }
    }

    /// Reads an array of such tables; none where the key isn't there.
    func entries(_ name: String, in root: TOMLFields) throws -> [Entry] {
        try root.tables(name, known: keys).map(read)
    }

    /// Writes an array of such tables.
    func write(_ entries: [Entry], as name: String, to text: inout TOMLText) {
        for entry in entries {
            text.element(name)
            write(entry, &text)
        }
    }
}

extension EntryField {
    static func string(
        _ key: String, _ path: any KeyPath<Entry, String> & Sendable, _ expected: String,
        _ check: @escaping @Sendable (String) -> Bool
    ) -> EntryField<Entry, String> {
        .init(
            keys: [key], read: { try $0.string(key, expected, check) }, write: { $1.value(key, $0[keyPath: path]) })
    }

    static func strings(
        _ key: String, _ path: any KeyPath<Entry, [String]> & Sendable, _ expected: String,
        _ check: @escaping @Sendable (String) -> Bool
    ) -> EntryField<Entry, [String]> {
        .init(
            keys: [key], read: { try $0.strings(key, expected, check) }, write: { $1.value(key, $0[keyPath: path]) })
    }

    static func integer(
        _ key: String, _ path: any KeyPath<Entry, Int> & Sendable, in range: ClosedRange<Int>
    ) -> EntryField<Entry, Int> {
        .init(keys: [key], read: { try $0.integer(key, in: range) }, write: { $1.value(key, $0[keyPath: path]) })
    }

    /// A file of known bytes: where it is, and `size` and `sha256` of it.
    static func input(
        _ key: String, _ path: any KeyPath<Entry, Lockfile.Input> & Sendable
    ) -> EntryField<Entry, Lockfile.Input> {
        .init(
            keys: Lockfile.Input.keys(path: key), read: { try Lockfile.Input($0, path: key) },
            write: { $0[keyPath: path].write(path: key, to: &$1) })
    }

    /// The same for one that is no empty file, and is in a place of a certain kind.
    static func input(
        _ key: String, _ path: any KeyPath<Entry, Lockfile.Input> & Sendable, _ expected: String,
        _ check: @escaping @Sendable (String) -> Bool
    ) -> EntryField<Entry, Lockfile.Input> {
        .init(
            keys: Lockfile.Input.keys(path: key),
            read: { try Lockfile.Input($0, path: key, expected, atLeast: 1, check) },
            write: { $0[keyPath: path].write(path: key, to: &$1) })
    }
}
