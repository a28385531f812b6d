import ContentHash
import Host
import Mirrors
import Synchronization

/// Brings a signed message and its file to a node, and waits until the node has processed it. It looks before it sends: what
/// the network has isn't sent again, whatever broke before.
public struct Publication: Sendable {
    /// What is published.
    public struct Item: Sendable {
        /// The message.
        public var draft: StoreDraft
        /// Its signature.
        public var signature: StoreSignature
        /// What it publishes.
        public var file: InputFile
        /// The file's bytes.
        public var size: Int

        /// Made of its parts.
        public init(draft: StoreDraft, signature: StoreSignature, file: InputFile, size: Int) {
            (self.draft, self.signature, self.file, self.size) = (draft, signature, file, size)
        }

        var message: String { draft.signed(signature) }
        var name: String { String(file.path.split(separator: "/").last ?? "file") }
    }

    private let node: PublishingNode
    /// Seconds until a message must be processed.
    private let patience: Int
    private let events: EventSink

    /// Times that a file is sent whose way broke off.
    private static let attempts = 3
    /// Seconds for a node to show what it was sent in whole before the connection broke.
    private static let settling = 15
    /// The same where the file was left out because the node said that it has it.
    private static let shortPatience = 20

    /// - Parameter patience: Seconds until a message that was sent must be processed.
    public init(node: PublishingNode, patience: Int, events: @escaping EventSink) {
        (self.node, self.patience, self.events) = (node, patience, events)
    }

    /// Publishes an item.
    /// - Parameter known: What the node had of it before.
    /// - Returns: Whether anything was sent.
    /// - Throws: `PublishError`, `MessageError`, `FileReadError`, `CancellationError`.
    public func publish(_ item: Item, known: MessageState) async throws -> Bool {
        switch known {
        case .processed: return false
        case .pending, .other:
            if try await wait(for: item, seconds: patience) == .processed { return false }
            // It may wait for the file, which a node asks of others: this one gets it.
            events(.note("it is still pending after \(patience) s: the file is sent, which it may wait for"))
        case .forgotten, .removed: throw PublishError.notPublished(item.draft, known)
        case .rejected(let reason): events(.note("it was rejected before (\(reason)); it is sent again"))
        case .unknown: break
        }
        if await node.has(item.draft.file, size: item.size), try await sendWithoutFile(item, known: known) {
            return true
        }
        try await sendWhole(item, known: known)
        let state = try await wait(for: item, seconds: patience, known: known)
        guard state == .processed else {
            throw PublishError.undecided(
                "\(node.name) took \(item.draft.itemHash), and after \(patience) s (--wait) \(state.sentence). Look with `rtverify "
                    + "publish status`, or send it again, which looks first")
        }
        return true
    }

    /// The node has the file: the message is enough.
    /// - Returns: Whether it was processed so.
    private func sendWithoutFile(_ item: Item, known: MessageState) async throws -> Bool {
        events(.note("\(node.name) has the file already: the message alone is sent"))
        do {
            let answer = try await node.post(item.message)
            guard [402, 403, 422].contains(answer.status) || [200, 202].contains(answer.status) else { return false }
            // What it refuses of a message it refuses of one with its file.
            guard try await isTaken(answer, item, known) else { return false }
        } catch let silence as RemoteServer.Silence {
            events(.note("\(silence)"))
        }
        return try await wait(for: item, seconds: Self.shortPatience, known: known) == .processed
    }

    /// - Parameter known: What the node had of it before: no news.
    private func sendWhole(_ item: Item, known: MessageState) async throws {
        var tried = 0
        let end = ContinuousClock.now + .seconds(patience)
        while true {
            tried += 1
            events(.phase(name: "send \(item.name) to \(node.name)", total: item.size, unit: .sent))
            let sent = Progress(events: events)
            let answer: RemoteServer.Answer
            do {
                answer = try await node.upload(
                    item.file, size: item.size, name: item.name, message: item.message, engine: item.draft.engine
                ) { sent.report($0) }
            } catch let silence as RemoteServer.Silence {
                let amount = "\(readableByteCount(min(sent.count, item.size))) of \(readableByteCount(item.size))"
                events(.note("\(silence) (\(amount) had been handed over)"))
                // An answer that came before all was taken may be lost with the connection; what was taken whole is shown soon.
                let state = try await settled(item, isWhole: sent.count >= item.size, known)
                if state.isTaken { return }
                if state.isRefused, state != known { throw PublishError.notPublished(item.draft, state) }
                guard silence.mayPass, tried < Self.attempts else {
                    throw PublishError.undecided(
                        "\(silence). \(Self.has(state, item)) Send it again when the node can be reached, or to another (--api)"
                    )
                }
                continue
            }
            if [429, 503].contains(answer.status) {
                try await pause(answer, until: end, tried)
                let state = (try? await node.state(of: item.draft.itemHash)) ?? .unknown
                if state.isTaken { return }
                if state.isRefused, state != known { throw PublishError.notPublished(item.draft, state) }
                continue
            }
            guard try await isTaken(answer, item, known) else {
                guard tried < Self.attempts else {
                    throw PublishError.undecided(
                        "\(node.name) answered \(PublishingNode.said(answer)), \(tried) times. "
                            + Self.has((try? await node.state(of: item.draft.itemHash)) ?? .unknown, item))
                }
                try await Task.sleep(for: .seconds(1 << tried))
                continue
            }
            return
        }
    }

    /// Waits as a busy server asks (RFC 9110 10.2.3), or longer each time.
    /// - Throws: `PublishError.undecided` where that takes too long.
    private func pause(_ answer: RemoteServer.Answer, until end: ContinuousClock.Instant, _ tried: Int) async throws {
        let pause = min(max(answer.retryAfter ?? 0, 1 << min(tried, 6)), 120)
        guard ContinuousClock.now + .seconds(pause) < end else {
            throw PublishError.undecided("\(node.name) is busy: it answered \(PublishingNode.said(answer))")
        }
        events(.note("\(node.name) is busy (\(answer.status)): waiting \(pause) s"))
        try await Task.sleep(for: .seconds(pause))
    }

    /// - Returns: Whether the node has taken the message; false where it is worth asking again.
    /// - Throws: `PublishError.refused` for what it doesn't take.
    private func isTaken(_ answer: RemoteServer.Answer, _ item: Item, _ known: MessageState) async throws -> Bool {
        switch answer.status {
        // What it says of the message is asked, not believed.
        case 200, 202: return true
        case 300..<400:
            throw PublishError.undecided(
                "\(node.name) answered \(PublishingNode.said(answer)): a message goes where you say, so give that as --api"
            )
        case 404, 405:
            throw PublishError.undecided(
                "\(node.name) takes no file with its message (\(answer.status)): it is no node of Aleph, or an old one; "
                    + "send it to another (--api)")
        case 408, 425, 500...599:
            events(.note("\(node.name) answered \(PublishingNode.said(answer))"))
            let state = try await settled(item, isWhole: true, known)
            if state.isRefused, state != known { throw PublishError.notPublished(item.draft, state) }
            return state.isTaken
        default: break
        }
        let state = (try? await node.state(of: item.draft.itemHash)) ?? .unknown
        // It came another way, or before.
        if state.isTaken { return true }
        let why: String =
            switch answer.status {
            case 402: "the owner \(item.draft.owner) hasn't enough to pay for it"
            case 403: "the node says that it isn't allowed"
            case 413: "the file is too large for the node"
            case 422: "the node says that message or file are not what they should be"
            default: "the node doesn't take it"
            }
        throw PublishError.refused(
            "\(why): \(node.name) answered \(PublishingNode.said(answer)). \(Self.has(state, item))")
    }

    /// What a node has after a way broke off: what it got in whole it may still be adding.
    /// - Parameter known: What it had before, which is no news.
    private func settled(_ item: Item, isWhole: Bool, _ known: MessageState) async throws -> MessageState {
        let end = ContinuousClock.now + .seconds(isWhole ? Self.settling : 1)
        var state = MessageState.unknown
        repeat {
            try await Task.sleep(for: .seconds(1))
            do {
                state = try await node.state(of: item.draft.itemHash)
                if state != .unknown, state != known { return state }
            } catch let error as MessageError {
                if ContinuousClock.now >= end { throw PublishError.undecided(Self.unseen(error, item)) }
            }
        } while ContinuousClock.now < end
        return state
    }

    /// Waits until the node calls it processed.
    /// - Parameter known: What it had before: a rejection that it still shows for a while is none of what was sent.
    /// - Returns: What the node has of it in the end.
    /// - Throws: `PublishError.refused` when it is rejected or forgotten, `.undecided` where the node doesn't say.
    private func wait(
        for item: Item, seconds: Int, known: MessageState = .unknown
    ) async throws -> MessageState {
        events(.phase(name: "wait for the network to process it", total: 0))
        let (fresh, end) = (ContinuousClock.now + .seconds(Self.settling), ContinuousClock.now + .seconds(seconds))
        var (pause, failure, last) = (500, MessageError?.none, MessageState.unknown)
        while true {
            do {
                let state = try await node.state(of: item.draft.itemHash)
                (failure, last) = (nil, state)
                switch state {
                case .processed: return state
                // The one that takes a message may show it a moment later.
                case .pending, .unknown, .other: break
                case .rejected where state == known && ContinuousClock.now < fresh: break
                case .rejected, .forgotten, .removed: throw PublishError.notPublished(item.draft, state)
                }
            } catch let error as MessageError {
                failure = error
            }
            guard ContinuousClock.now < end else {
                if let failure { throw PublishError.undecided(Self.unseen(failure, item)) }
                return last
            }
            try await Task.sleep(for: .milliseconds(pause))
            pause = min(5000, pause * 3 / 2)
        }
    }

    private static func unseen(_ error: MessageError, _ item: Item) -> String {
        "\(error). Whether the network has \(item.draft.itemHash) can't be told now; look with `rtverify publish status`. Sending "
            + "again is harmless: it looks first"
    }

    /// What the network has of it, as a sentence.
    private static func has(_ state: MessageState, _ item: Item) -> String {
        "Of \(item.draft.itemHash): \(state.sentence)."
    }

    /// How much was handed over.
    private final class Progress: Sendable {
        private let bytes = Atomic(0)
        private let events: EventSink

        init(events: @escaping EventSink) { self.events = events }

        var count: Int { bytes.load(ordering: .relaxed) }

        func report(_ count: Int) {
            bytes.store(count, ordering: .relaxed)
            events(.progress(done: count))
        }
    }
}
