import Host
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP server on this host's loopback, or on a socket of its file system, whose requests a function answers.
public struct HTTPServer: Sendable {
    /// Where it listens.
    public enum Address: Sendable {
        /// A loopback address and a port; 0 for any that is free.
        case loopback(host: String, port: Int)
        /// A socket of the file system.
        case socket(String)
    }

    /// Bytes of a request's body: more than any machine is sent.
    private static let largestBody = 64 << 20

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    /// Serves until the task is cancelled.
    /// - Parameter isListening: Gets the port, when there is one.
    /// - Throws: `IOError` where it can't listen.
    public static func serve(
        at address: Address, isListening: @escaping @Sendable (Int?) -> Void,
        answer: @escaping @Sendable (HTTPRequest) async -> HTTPAnswer
    ) async throws {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
        @Sendable func configure(_ channel: any Channel) -> EventLoopFuture<Connection> {
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                try channel.pipeline.syncOperations.addHandler(BytesOfParts())
                return try Connection(wrappingChannelSynchronously: channel)
            }
        }
        let server: NIOAsyncChannel<Connection, Never>
        switch address {
        case .loopback(let host, let port):
            server = try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port, childChannelInitializer: configure)
        case .socket(let path):
            server = try await bootstrap.bind(unixDomainSocketPath: path, childChannelInitializer: configure)
        }
        isListening(server.channel.localAddress?.port)
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask { try? await serve(connection, answer) }
                }
            }
        }
    }

    private static func serve(
        _ connection: Connection, _ answer: @escaping @Sendable (HTTPRequest) async -> HTTPAnswer
    ) async throws {
        try await connection.executeThenClose { parts, writer in
            var (head, body): (HTTPRequestHead?, ByteBuffer) = (nil, ByteBuffer())
            for try await part in parts {
                switch part {
                case .head(let next): (head, body) = (next, ByteBuffer())
                case .body(var bytes):
                    guard body.readableBytes + bytes.readableBytes <= largestBody else { return }
                    body.writeBuffer(&bytes)
                case .end:
                    guard let asked = head else { return }
                    let result = await answer(
                        HTTPRequest(
                            method: asked.method.rawValue, target: asked.uri,
                            headers: asked.headers.map { ($0.name.lowercased(), $0.value) },
                            body: Array(body.readableBytesView)))
                    try await write(result, to: asked, writer)
                    if !asked.isKeepAlive { return try await drain(connection.channel) }
                }
            }
            // The other side sends nothing more, and may still read.
            try await drain(connection.channel)
        }
    }

    /// Waits until the last answer is on its way: closing a channel drops what it hasn't sent yet.
    private static func drain(_ channel: any Channel) async throws {
        try await channel.eventLoop.flatSubmit {
            let parts = try? channel.pipeline.syncOperations.handler(type: BytesOfParts.self)
            return parts?.sent ?? channel.eventLoop.makeSucceededVoidFuture()
        }.get()
    }

    private static func write(
        _ answer: HTTPAnswer, to request: HTTPRequestHead,
        _ writer: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
    ) async throws {
        var headers = HTTPHeaders()
        for (name, value) in answer.headers { headers.add(name: name, value: String(decoding: value, as: UTF8.self)) }
        headers.add(name: "content-length", value: "\(answer.body.count)")
        if !request.isKeepAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
        try await writer.write(.head(head))
        if request.method != .HEAD { try await writer.write(.body(ByteBuffer(bytes: answer.body))) }
        try await writer.write(.end(nil))
    }
}

/// The pipeline's own kind of parts holds what is written as one of several kinds of bytes; an answer's are of one.
private final class BytesOfParts: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    /// When the last answer that was written has been sent; nil where there was none.
    private(set) var sent: EventLoopFuture<Void>?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: OutboundOut =
            switch unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let bytes): .body(.byteBuffer(bytes))
            case .end(let trailers): .end(trailers)
            }
        guard case .end = part else { return context.write(wrapOutboundOut(part), promise: promise) }
        let promise = promise ?? context.eventLoop.makePromise()
        sent = promise.futureResult
        context.write(wrapOutboundOut(part), promise: promise)
    }
}
