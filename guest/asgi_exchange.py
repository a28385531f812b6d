"""A request or an event, as the ASGI specification has it, and its answer, as the host takes it.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import os
import urllib.parse
import zlib

DATA = "/data"
# What a connection has for itself (RFC 9110, 7.6.1), and the length, which the host finds out.
DROPPED = {
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length",
}


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
    """A zip archive of what is in /data, where there is something, and it is no volume: that is written to where it lies."""
    try:
        if os.path.ismount(DATA) or not os.listdir(DATA):
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


def trouble(error, trace=None):
    """What a host shows as a status 500, with the traceback as its text."""
    return {"error": error, "traceback": trace or error, "output": ""}


class Exchange:
    """A request and its answer."""

    def __init__(self, scope, state, answer):
        self.body = scope.pop("body", None) or b""
        self.answer = answer
        self.is_received = False
        self.is_whole = False
        # The answer is whole, or the host has gone.
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
                self.is_whole = True
                self.over.set()
                # A framework's word for an error, after which it raises the error itself: which says more.
                if self.status != 500:
                    self.answer(self.whole())
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

    def end(self):
        """What is still to be answered when the program has returned; nothing where the host has gone."""
        if self.over.is_set():
            return self.whole() if self.status == 500 and self.is_whole else None
        return trouble("the program returned " + ("without an answer" if self.status is None else "in its answer's midst"))


class Event:
    """A message of the network that the program asked for, and the first thing that it sends."""

    def __init__(self, scope, answer):
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
            self.answer({"headers": {}, "body": message, "output": "", "output_data": output_data()})

    def end(self):
        if self.over.is_set():
            return None
        # A program that only acts: AlephApp's handlers send nothing.
        return {"headers": {}, "body": {"body": b""}, "output": "", "output_data": output_data()}
