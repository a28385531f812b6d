extension ProgramRun {
    /// What came of it.
    public struct Report: Codable, Sendable {
        /// What a request came to.
        public struct Answer: Codable, Sendable {
            /// `GET /path`.
            public var request: String
            /// As a client gets it; nil of an event.
            public var status: Int?
            /// Bytes of the body.
            public var size: Int
            /// From the first byte sent to the last one received.
            public var seconds: Double
            /// Whether no byte came, which ends a machine on the network.
            public var hasNone: Bool?
            /// What is not as it was expected, or was no answer of the program's.
            public var problems: [String]
        }

        /// Seconds from QEMU's start to the announcement.
        public var ready = 0.0
        /// Seconds from QEMU's start to the configuration's answer.
        public var configured: Double?
        /// Seconds from QEMU's start to the first answer.
        public var firstAnswer: Double?
        /// The protocol's version, as the agent announces it; nil for 1.0.0, which doesn't say it.
        public var version: String?
        /// Why the configuration was refused.
        public var refusal: String?
        /// The refusal's traceback.
        public var traceback: String?
        /// In order.
        public var answers: [Answer] = []
        /// Whether the agent said that it halted, in the time that hosts give.
        public var isHalted = false
        /// Whether the processor ran the machine, or an emulation.
        public var usesKVM = false
        /// What the machine was made of.
        public var parts: [MachineParts.Part] = []

        /// Whether the machine ended by itself: the last request had no answer.
        public var isEnded: Bool { answers.last?.hasNone == true }

        /// Whether all that was asked came as it was expected.
        public var isGood: Bool { refusal == nil && answers.allSatisfy(\.problems.isEmpty) }
    }
}
