/// What a long piece of work says while it goes on. The sandbox sends the same events as lines of JSON.
public enum BuildEvent: Codable, Equatable, Sendable {
    /// A phase begins; `total` counts what `progress` will count, 0 where nobody knows.
    case phase(name: String, total: Int, unit: ProgressUnit = .parts)
    /// How much of the phase is done.
    case progress(done: Int)
    /// A line for everyone.
    case note(String)
    /// Lines for `--verbose`.
    case detail(String)
    /// A part of the work is over.
    case span(TimelineSpan)
    /// Whether the tree is kept in memory.
    case tree(inMemory: Bool)
    /// Whether the tree's programs see the date that they are to see.
    case clock(isSeen: Bool)
    /// What wrote a path of the image last, where that was asked.
    case wrote(path: String, by: String)
}

/// What a phase's progress counts.
public enum ProgressUnit: String, Codable, Sendable {
    /// Nothing that is worth a name.
    case parts
    case packages
    /// Bytes from elsewhere.
    case received
    /// Bytes to elsewhere.
    case sent
}

/// Whoever is told.
public typealias EventSink = @Sendable (BuildEvent) -> Void
