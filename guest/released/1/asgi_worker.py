"""Runs one ASGI program for the agent of a machine on the Aleph network.

The agent starts it as `python3 -OO asgi_worker.py ENCODING ENTRYPOINT`. Descriptor 3 is a channel to the agent: it gets one
map when the program is loaded, and its end means that the machine halts. Descriptor 4 takes a connection a request: eight
bytes of length, the host's message; the answer is what the host is to get, and the connection's end.

https://asgi.readthedocs.io/en/latest/specs/ tells what a program may expect. Python 3.9 and newer; no other library.
"""

import asyncio
import inspect
import os
import socket
import struct
import sys
import traceback
import types
import urllib.parse
import zlib

CHANNEL, REQUESTS = 3, 4
PLAIN_PROGRAM = "/run/rtverify/main.py"
DATA = "/data"
# Seconds.
STARTUP_LIMIT, BACKGROUND_LIMIT, SHUTDOWN_LIMIT = 30, 1, 1.3
# What a connection has for itself (RFC 9110, 7.6.1), and the length, which the host finds out.
DROPPED = {
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length",
}
DEEPEST = 100


# --- MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md


def unpack(data, at=0, depth=0):
    """The value that begins at a place, and the place behind it."""
    if depth > DEEPEST:
        raise ValueError("the message's values lie too deep in each other")
    first = data[at]
    at += 1

    def number(form):
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)

    def taken(size, start):
        if len(data) - start < size:
            raise ValueError("the message is cut short")
        return bytes(data[start:start + size]), start + size

    def elements(count, start):
        values = []
        for _ in range(count):
            value, start = unpack(data, start, depth + 1)
            values.append(value)
        return values, start

    def pairs(count, start):
        values, start = elements(2 * count, start)
        return dict(zip(values[::2], values[1::2])), start

    def text(size, start):
        value, start = taken(size, start)
        return value.decode("utf-8", "surrogateescape"), start

    if first <= 0x7F or first >= 0xE0:
        return first if first <= 0x7F else first - 0x100, at
    if first <= 0x8F:
        return pairs(first & 0x0F, at)
    if first <= 0x9F:
        return elements(first & 0x0F, at)
    if first <= 0xBF:
        return text(first & 0x1F, at)
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], at
    numbers = {
        0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    }
    if first in numbers:
        return number(numbers[first])
    sized = {
        0xC4: (">B", taken), 0xC5: (">H", taken), 0xC6: (">I", taken), 0xD9: (">B", text), 0xDA: (">H", text),
        0xDB: (">I", text), 0xDC: (">H", elements), 0xDD: (">I", elements), 0xDE: (">H", pairs), 0xDF: (">I", pairs),
    }
    if first not in sized:
        raise ValueError("the message has a value of an unknown kind")
    form, read = sized[first]
    return read(*number(form))


def pack(value, parts):
    """Adds a value's bytes to a list."""

    def head(kinds, size):
        for limit, first, form in kinds:
            if size <= limit:
                return struct.pack(">B" + form, first | size if not form else first, *([size] if form else []))
        raise ValueError("a value of the answer is too large")

    if value is None or value is True or value is False:
        parts.append({None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value])
    elif isinstance(value, int):
        if -32 <= value <= 127:
            parts.append(struct.pack(">b", value))
        else:
            parts.append(struct.pack(">Bq", 0xD3, value) if value < 1 << 63 else struct.pack(">BQ", 0xCF, value))
    elif isinstance(value, float):
        parts.append(struct.pack(">Bd", 0xCB, value))
    elif isinstance(value, str):
        text = value.encode("utf-8", "replace")
        parts += [head([(31, 0xA0, ""), (0xFFFFFFFF, 0xDB, "I")], len(text)), text]
    elif isinstance(value, (bytes, bytearray, memoryview)):
        parts += [head([(255, 0xC4, "B"), (0xFFFFFFFF, 0xC6, "I")], len(value)), bytes(value)]
    elif isinstance(value, (list, tuple)):
        parts.append(head([(15, 0x90, ""), (0xFFFFFFFF, 0xDD, "I")], len(value)))
        for element in value:
            pack(element, parts)
    elif isinstance(value, dict):
        parts.append(head([(15, 0x80, ""), (0xFFFFFFFF, 0xDF, "I")], len(value)))
        for key, element in value.items():
            pack(key, parts)
            pack(element, parts)
    else:
        raise TypeError(f"a {type(value).__name__} can't be sent to the host")


def packed(value):
    parts = []
    pack(value, parts)
    return b"".join(parts)


# --- Loading


def load(encoding, entrypoint):
    """The program's object: `module.sub:attribute`; of a plain program the attribute alone will do."""
    if encoding == "plain":
        with open(PLAIN_PROGRAM, "rb") as file:
            code = compile(file.read(), PLAIN_PROGRAM, "exec")
        # One namespace, which functions see as well, and which modules that look for it find.
        module = types.ModuleType("main")
        module.__file__ = PLAIN_PROGRAM
        sys.modules["main"] = module
        exec(code, module.__dict__)
        name = entrypoint.rpartition(":")[2]
    else:
        path, separator, name = entrypoint.partition(":")
        if not separator or not path or not name:
            raise ValueError(f"the entrypoint '{entrypoint}' is no 'module:attribute'")
        __import__(path)
        module = sys.modules[path]
    for part in name.split("."):
        module = getattr(module, part)
    return module


def tell(answer):
    with socket.socket(fileno=os.dup(CHANNEL)) as channel:
        channel.sendall(packed(answer))


def failure(error, trace=None):
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {"error": f"{type(error).__name__}: {error}", "traceback": trace or text}


def leave(status):
    """Ends the process at once, whatever else runs in it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


def leave_as(exit):
    """As the interpreter would end by SystemExit or KeyboardInterrupt."""
    code = getattr(exit, "code", 130)
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    leave(code or 0)


async def call(program, scope, receive, send):
    result = program(scope, receive, send)
    # A program may give what is still to be awaited: aleph's SDK does for events.
    while inspect.isawaitable(result):
        result = await result


# --- Lifespan: https://asgi.readthedocs.io/en/latest/specs/lifespan.html


class Lifespan:
    """One call for the whole life of the program."""

    def __init__(self, program):
        self.program = program
        self.state = {}
        self.started = asyncio.Event()
        self.stopping = asyncio.Event()
        self.failed = None
        self.is_asked = False
        self.task = None

    async def receive(self):
        if not self.is_asked:
            self.is_asked = True
            return {"type": "lifespan.startup"}
        await self.stopping.wait()
        return {"type": "lifespan.shutdown"}

    async def send(self, message):
        kind = message["type"]
        if kind == "lifespan.startup.failed":
            self.failed = message.get("message") or "the program's startup failed"
        elif kind not in ("lifespan.startup.complete", "lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            raise RuntimeError(f"'{kind}' is no message of a lifespan")
        self.started.set()

    async def run(self):
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await call(self.program, scope, self.receive, self.send)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            # Before it is complete, this says that the program knows no lifespan.
            if self.started.is_set() and not self.failed:
                traceback.print_exc()
        finally:
            self.started.set()

    async def start(self):
        self.task = asyncio.ensure_future(self.run())
        try:
            await asyncio.wait_for(self.started.wait(), STARTUP_LIMIT)
        except asyncio.TimeoutError:
            raise TimeoutError(f"the program's lifespan.startup was not complete within {STARTUP_LIMIT} seconds") from None
        if self.failed:
            raise RuntimeError(self.failed)

    async def stop(self):
        self.stopping.set()
        await asyncio.wait([self.task], timeout=SHUTDOWN_LIMIT)


# --- Requests


def utf8(text):
    """A header's bytes in a form that the host takes: what isn't UTF-8 is Latin-1 (RFC 9110, 5.5)."""
    data = text.encode("utf-8") if isinstance(text, str) else bytes(text)
    try:
        data.decode("utf-8")
        return data
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8")


def decoded(body, encoding):
    """A compressed body's bytes, as the host takes Content-Encoding away; None where it can't be read."""
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        return None
    for window in (47, -15):
        parts, rest = [], body
        try:
            while rest:
                reader = zlib.decompressobj(window)
                parts.append(reader.decompress(rest) + reader.flush())
                if not reader.eof:
                    raise zlib.error("cut short")
                rest = reader.unused_data
            return b"".join(parts)
        except zlib.error:
            continue
    return None


def query_bytes(text):
    """The host hands on a query decoded but for what is reserved, which is still escaped."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    parts = text.split("%")
    safe = "/?-._~!$&'()*,;=:@"
    result = urllib.parse.quote(parts[0], safe, errors="surrogateescape")
    for part in parts[1:]:
        is_escape = len(part) > 1 and all(letter in "0123456789abcdefABCDEF" for letter in part[:2])
        result += "%" if is_escape else "%25"
        result += urllib.parse.quote(part, safe, errors="surrogateescape")
    return result.encode("ascii")


def output_data():
    """A zip archive of what is in /data, where there is something."""
    try:
        if not os.listdir(DATA):
            return b""
    except OSError:
        return b""
    import io
    import zipfile

    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for folder, _, names in os.walk(DATA):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    archive.write(path, os.path.relpath(path, DATA))
    return memory.getvalue()


class Exchange:
    """A request and its answer."""

    def __init__(self, scope, state, answer):
        self.body = scope.pop("body", None) or b""
        self.answer = answer
        self.is_received = False
        self.over = asyncio.Event()
        self.status = None
        self.headers = []
        self.parts = []
        self.scope = self.completed(scope, state)

    @staticmethod
    def completed(scope, state):
        """What the specification asks for, and the host doesn't send."""
        path = scope.get("path") or "/"
        headers = [
            (bytes(name), bytes(value)) for name, value in scope.get("headers") or [] if bytes(name) != b"accept-encoding"
        ]
        # What is compressed would not arrive as that: the host drops Content-Encoding.
        headers.append((b"accept-encoding", b"identity"))
        scope.update(path=path, headers=headers, query_string=query_bytes(scope.get("query_string") or ""))
        scope.setdefault("asgi", {"version": "3.0", "spec_version": "2.3"})
        scope.setdefault("http_version", "1.1")
        scope.setdefault("scheme", "http")
        scope.setdefault("root_path", "")
        scope.setdefault("raw_path", urllib.parse.quote(path, "/-._~!$&'()*+,;=:@", errors="surrogateescape").encode("ascii"))
        scope.setdefault("client", None)
        scope.setdefault("server", None)
        scope["state"] = dict(state)
        return scope

    async def receive(self):
        if not self.is_received:
            self.is_received = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        kind = message["type"]
        if self.over.is_set():
            return
        if kind == "http.response.start" and self.status is None:
            self.status = int(message["status"])
            self.headers = [(utf8(name), utf8(value)) for name, value in message.get("headers") or []]
        elif kind == "http.response.body" and self.status is not None:
            self.parts.append(bytes(message.get("body") or b""))
            if not message.get("more_body", False):
                self.over.set()
                await self.answer(self.whole())
        else:
            raise RuntimeError(f"'{kind}' is not what an answer goes on with")

    def whole(self):
        body = b"".join(self.parts)
        encoding = b"".join(value for name, value in self.headers if name.lower() == b"content-encoding").strip().lower()
        plain = decoded(body, encoding) if body else None
        dropped = DROPPED | {b"content-encoding"} if plain is not None else DROPPED
        return {
            "headers": {
                "status": self.status,
                "headers": [[name, value] for name, value in self.headers if name.lower() not in dropped],
            },
            "body": {"body": body if plain is None else plain},
            "output": "",
            "output_data": output_data(),
        }

    def unfinished(self):
        if self.over.is_set():
            return None
        return "the program returned without an answer" if self.status is None else "the program returned in its answer's midst"


class Event:
    """A message of the network that the program asked for, and the first thing that it sends."""

    def __init__(self, scope, state, answer):
        self.answer = answer
        self.is_received = False
        self.over = asyncio.Event()
        scope.setdefault("asgi", {"version": "3.0", "spec_version": "2.3"})
        self.scope = scope

    async def receive(self):
        if not self.is_received:
            self.is_received = True
            return {"type": "aleph.message", "body": self.scope.get("body"), "more_body": False}
        await self.over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if not self.over.is_set():
            self.over.set()
            await self.answer({"headers": {}, "body": message, "output": "", "output_data": output_data()})

    def unfinished(self):
        return None


class Server:
    """Takes the agent's connections."""

    def __init__(self, program, lifespan):
        self.program = program
        self.lifespan = lifespan
        # Requests that are answered, and whose program goes on.
        self.background = set()

    async def finish(self):
        """Gives what goes on after an answer a moment to end."""
        if self.background:
            await asyncio.wait(self.background, timeout=BACKGROUND_LIMIT)

    async def serve(self, reader, writer):
        try:
            await self.exchange(reader, writer)
        finally:
            self.background.discard(asyncio.current_task())

    async def exchange(self, reader, writer):
        try:
            size = int.from_bytes(await reader.readexactly(8), "big")
            data = await reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
            return
        is_answered = False
        task = asyncio.current_task()

        async def answer(value):
            nonlocal is_answered
            # Not in parts: a host that has the beginning of an answer can't be told of an error.
            data = packed(value)
            is_answered = True
            self.background.add(task)
            try:
                writer.write(data)
                await writer.drain()
                # Ends the connection even where the program has forked, and a child holds it.
                writer.write_eof()
                writer.close()
            except OSError:
                pass

        try:
            problem = await self.run(data, reader, answer)
            if problem and not is_answered:
                await answer({"error": problem, "traceback": problem, "output": ""})
        except (SystemExit, KeyboardInterrupt) as exit:
            # No answer, and the program's end: the network then starts a new machine.
            leave_as(exit)
        except BaseException as error:
            traceback.print_exc()
            if not is_answered:
                await answer({**failure(error), "output": ""})

    async def run(self, data, reader, answer):
        message, _ = unpack(memoryview(data))
        del data
        scope = message["scope"]
        kind = scope.get("type")
        if kind == "http":
            exchange = Exchange(scope, self.lifespan.state, answer)
        elif kind == "aleph.message":
            exchange = Event(scope, self.lifespan.state, answer)
        else:
            return f"'{kind}' is neither an HTTP request nor an event"

        async def watch():
            # The agent says nothing more: what can be read is the host's end of the connection.
            try:
                await reader.read(1)
            except OSError:
                pass
            exchange.over.set()

        watching = asyncio.ensure_future(watch())
        try:
            await call(self.program, exchange.scope, exchange.receive, exchange.send)
        finally:
            watching.cancel()
        problem = exchange.unfinished()
        if problem is None and not exchange.over.is_set():
            await answer({"headers": {}, "body": {"body": b""}, "output": "", "output_data": output_data()})
        return problem


async def main():
    encoding, entrypoint = sys.argv[1:3]
    sys.argv[:] = ["/root/init1.py"]
    places = {"squashfs": ["/opt/code"], "zip": ["/opt"]}.get(encoding, [])
    sys.path[:1] = [*places, "/opt/packages", "/root"]
    for descriptor in (CHANNEL, REQUESTS):
        os.set_inheritable(descriptor, False)
    halted = asyncio.Event()
    # A channel that can be read has ended.
    loop = asyncio.get_running_loop()
    try:
        program = load(encoding, entrypoint)
        lifespan = Lifespan(program)
        loop.add_reader(CHANNEL, halted.set)
        await lifespan.start()
    except BaseException as error:
        traceback.print_exc()
        tell(failure(error))
        leave(1)
    server = Server(program, lifespan)
    requests = await asyncio.start_unix_server(server.serve, sock=socket.socket(fileno=REQUESTS))
    tell({"success": True})
    await halted.wait()
    loop.remove_reader(CHANNEL)
    requests.close()
    await server.finish()
    await lifespan.stop()
    leave(0)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (SystemExit, KeyboardInterrupt) as exit:
        leave_as(exit)
