"""Drives an agent without a machine: drive.py AGENT GUEST FOLDER, with the worker in GUEST. The agent runs in namespaces of its own over this host's
root; its host is this program, over sockets of the file system. Each case says what it shows; the first that fails ends it."""

import base64
import io
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile

AGENT, GUEST, FOLDER = (os.path.abspath(path) for path in sys.argv[1:4])
sys.dont_write_bytecode = True
sys.path.insert(0, GUEST)
from asgi_messagepack import packed, unpack  # noqa: E402

# As the agent that is driven was compiled.
MOST_CONNECTIONS = 120

ENTER = """
set -e
mount -t tmpfs rtverify /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mount -t proc proc /mnt/root/proc
mount --rbind /dev /mnt/root/dev
mkdir -p "/mnt/root$1" /mnt/root/usr/lib/rtverify
mount --bind "$1" "/mnt/root$1"
cp "$2" /mnt/root/usr/lib/rtverify/agent
cp "$3"/asgi_*.py /mnt/root/usr/lib/rtverify/
mount -t tmpfs rtverify /mnt/root/run
cd /mnt/root
exec chroot /mnt/root env -i "AGENT_SOCKETS=$1" ASAN_OPTIONS=detect_leaks=0 /usr/lib/rtverify/agent
"""


class Machine:
    """An agent, from its announcement to its end."""

    def __init__(self):
        self.sockets = os.path.join(FOLDER, "sockets")
        os.makedirs(self.sockets, exist_ok=True)
        for name in os.listdir(self.sockets):
            os.unlink(os.path.join(self.sockets, name))
        listener = self.listen(52)
        self.console = open(os.path.join(FOLDER, "console"), "w+b")
        self.process = subprocess.Popen(
            ["unshare", "-m", "-n", "-u", "-p", "-f", "--kill-child", "sh", "-c", ENTER, "sh", self.sockets, AGENT, GUEST],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console)
        listener.settimeout(20)
        connection, _ = listener.accept()
        assert unpack(self.rest(connection))[0] == {"version": "2.0.0"}

    def listen(self, port):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(self.sockets, f"host_{port}"))
        listener.listen(16)
        return listener

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(os.path.join(self.sockets, "guest_52"))
        return connection

    @staticmethod
    def rest(connection):
        parts = []
        try:
            while part := connection.recv(1 << 16):
                parts.append(part)
        except ConnectionResetError:
            pass
        connection.close()
        return b"".join(parts)

    def exchange(self, data):
        connection = self.connect()
        try:
            connection.sendall(data)
        except OSError:
            pass
        return self.rest(connection)

    def configure(self, **keys):
        message = {
            "interface": "asgi", "vm_hash": "ab" * 32, "encoding": "zip", "entrypoint": "main:app", "code": b"",
            "input_data": None, "ip": None, "route": None, "dns_servers": [], "volumes": [], "variables": None,
            "ipv6": None, "ipv6_gateway": None, "authorized_keys": None,
        }
        message.update(keys)
        return self.configure_by(packed({key: value for key, value in message.items() if value != "absent"}))

    def configure_by(self, data):
        connection = self.connect()
        connection.sendall(b"%d\n" % len(data) + data)
        answer = connection.recv(1 << 20)
        connection.close()
        return unpack(answer)[0] if answer else None

    def ask(self, path="/", method="GET", query="", headers=(), body=b"", **keys):
        scope = {
            "type": "http", "path": path, "method": method, "query_string": query,
            "headers": [list(pair) for pair in headers], "body": body, **keys,
        }
        answer = self.exchange(packed({"scope": scope}))
        return unpack(answer)[0] if answer else None

    def halt(self):
        start = time.monotonic()
        answer = self.exchange(b"halt")
        self.process.wait(10)
        return answer, time.monotonic() - start

    def said(self):
        self.console.flush()
        return open(os.path.join(FOLDER, "console"), "rb").read().decode(errors="replace")

    def wait_for(self, text):
        """Until the console has it: how long that takes is the machine's affair."""
        deadline = time.monotonic() + 30
        while text not in self.said():
            assert time.monotonic() < deadline, f"{text!r} was never said"
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.said()[-3000:], file=sys.stderr)
        self.process.kill()
        self.process.wait()
        assert "Sanitizer" not in self.said() and "runtime error" not in self.said(), self.said()


def archive(**files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as zipped:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "."), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, text)
    return memory.getvalue()


def show(what):
    print(f"shown: {what}", flush=True)


ASGI = """
import asyncio, gzip, json, os, sys
log, released = [], asyncio.Event()
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); log.append("up"); await send({"type": "lifespan.startup.complete"})
        await receive(); print("went down", flush=True); await send({"type": "lifespan.shutdown.complete"}); return
    if scope["type"] == "aleph.message":
        message = await receive()
        await send({"type": "aleph.message.response", "got": message["body"], "scope": scope["body"]}); return
    path = scope["path"]
    if path == "/raise": raise ValueError("on purpose")
    if path == "/exit": sys.exit(3)
    if path == "/never": print("never begun", flush=True); await asyncio.sleep(1000)
    if path == "/nothing": return
    message = await receive()
    body, headers = message["body"], [(b"content-type", b"text/plain"), (b"x-latin", b"\\xe9"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]
    if path == "/gzip": body = gzip.compress(b"hello" * 1000); headers.append((b"content-encoding", b"gzip"))
    if path == "/fork" and os.fork() == 0: import time; time.sleep(1000)
    if path == "/facts":
        body = json.dumps({"log": log, "query": scope["query_string"].decode(), "raw": scope["raw_path"].decode(),
            "type": message["type"], "more": message["more_body"], "cwd": os.getcwd(), "argv": sys.argv, "path": sys.path[:3],
            "env": dict(os.environ), "optimize": sys.flags.optimize, "uid": os.getuid(), "host": os.uname().nodename,
            "body in scope": "body" in scope, "asgi": scope["asgi"], "headers": [n.decode() for n, _ in scope["headers"]],
            "keys": [oct(os.stat("/root/.ssh").st_mode & 0o777), oct(os.stat("/root/.ssh/authorized_keys").st_mode & 0o777), open("/root/.ssh/authorized_keys").read()] if os.path.exists("/root/.ssh/authorized_keys") else None,
            "data": open("/data/hello").read() if os.path.exists("/data/hello") else None, "lo": open("/sys/class/net/lo/flags").read().strip() if os.path.exists("/sys/class/net/lo") else "0x9"}).encode()
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    half = len(body) // 2
    await send({"type": "http.response.body", "body": body[:half], "more_body": True})
    await send({"type": "http.response.body", "body": body[half:]})
    if path == "/background": await released.wait(); print("background done", flush=True)
    if path == "/release": released.set()
"""


def asgi():
    with Machine() as machine:
        machine.connect().close()
        cut = machine.connect()
        cut.sendall(b"500\nab")
        cut.close()
        assert machine.configure(
            code=archive(main__py=ASGI), input_data=archive(hello="data"), variables={"A": "b", "TERM": "dumb"},
            authorized_keys=["ssh-ed25519 AAAA"], unknown={"later": [1, 2.5, None]}) == {"success": True}
        show("a configuration after one that was cut short, with unknown keys; the answer has no other key")
        answer = machine.ask("/facts", query="x=1 2&y=%26", headers=[(b"accept-encoding", b"gzip")])
        import json
        facts = json.loads(answer["body"]["body"])
        assert answer["headers"]["status"] == 201 and facts["log"] == ["up"], answer
        show("lifespan: startup once, and no shutdown before halt")
        assert (facts["query"], facts["raw"]) == ("x=1%202&y=%26", "/facts"), facts
        assert json.loads(machine.ask("/facts", query="a=%25b%zz")["body"]["body"])["query"] == "a=%25b%25zz"
        show("the query as percent-encoded bytes")
        environment = {
            "PATH": "/sbin:/usr/sbin:/bin:/usr/bin", "HOME": "/", "TERM": "dumb", "PWD": "/", "SHLVL": "1",
            "PYTHONPATH": "/opt/aleph/libs", "LC_CTYPE": "C.UTF-8", "ALEPH_INIT_VERSION": "2.0.0",
            "ALEPH_API_HOST": "http://localhost", "ALEPH_API_UNIX_SOCKET": "/tmp/socat-socket",
            "ALEPH_REMOTE_CRYPTO_HOST": "http://localhost", "ALEPH_REMOTE_CRYPTO_UNIX_SOCKET": "/tmp/socat-socket",
            "ALEPH_ADDRESS_TO_USE": "HOSTNAME", "A": "b",
        }
        assert facts["env"] == environment, facts["env"]
        assert (facts["cwd"], facts["uid"], facts["argv"], facts["optimize"]) == ("/", 0, ["/root/init1.py"], 2), facts
        assert facts["path"] == ["/opt", "/opt/packages", "/root"] and facts["data"] == "data", facts
        assert facts["host"] == base64.b32encode(b"\xab" * 32).decode().lower().rstrip("=") and int(facts["lo"], 16) & 1, facts
        assert not facts["body in scope"] and facts["type"] == "http.request" and facts["more"] is False, facts
        assert facts["keys"] == ["0o700", "0o600", "ssh-ed25519 AAAA\n"], facts["keys"]
        show("environment, working directory, argv, optimisation, module path, host name, data, keys, loopback")
        headers = answer["headers"]["headers"]
        assert [b"x-latin", "é".encode()] in headers and [value for name, value in headers if name == b"set-cookie"] == [b"a", b"b"]
        show("streamed parts joined; headers as bytes that are UTF-8; Set-Cookie twice")
        assert answer["output"] == "" and zipfile.ZipFile(io.BytesIO(answer["output_data"])).read("hello") == b"data"
        show("output_data is a zip archive of /data")
        answer = machine.ask("/gzip")
        assert answer["body"]["body"] == b"hello" * 1000 and b"content-encoding" not in dict(map(tuple, answer["headers"]["headers"]))
        show("a compressed body arrives plain")
        large = os.urandom(10_000_000)
        assert machine.ask("/echo", "POST", body=large)["body"]["body"] == large
        show("10 MB each way")
        answer = machine.ask("/raise")
        assert answer["error"] == "ValueError: on purpose" and "Traceback" in answer["traceback"] and answer["output"] == ""
        assert "without an answer" in machine.ask("/nothing")["traceback"]
        show("a program that raises, or returns without an answer: a traceback")
        assert machine.ask("/background")["headers"]["status"] == 201 and "background done" not in machine.said()
        assert machine.ask("/release")["headers"]["status"] == 201
        machine.wait_for("background done")
        show("background tasks come after the answer")
        assert machine.ask("/fork")["headers"]["status"] == 201
        show("a child that lives on doesn't hold the answer's connection")
        event = unpack(machine.exchange(packed({"scope": {"type": "aleph.message", "body": '{"a": 1}'}})))[0]
        assert event["headers"] == {} and event["body"] == {"type": "aleph.message.response", "got": '{"a": 1}', "scope": '{"a": 1}'}
        show("an event: the first thing sent is the body, unchanged")
        for data in (packed({"scope": {"type": "websocket"}}), b"!ls", b"\xc1", packed({"a": 1}), b"\x81\xa1a\xc1"):
            assert "traceback" in unpack(machine.exchange(data))[0], data
        show("websocket, shell commands and what is no request are refused with a reason")
        results = []
        def one(number):
            results.append(machine.ask("/echo", "POST", body=b"%d" % number)["body"]["body"] == b"%d" % number)
        threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert results == [True] * 100
        show("100 requests at once")
        slow = machine.connect()
        message = packed({"scope": {"type": "http", "path": "/echo", "method": "POST", "body": b"0123456789" * 50}})
        for byte in message[:200]:
            slow.sendall(bytes([byte]))
        slow.sendall(message[200:])
        assert unpack(machine.rest(slow))[0]["body"]["body"] == b"0123456789" * 50
        show("a message in pieces")
        waiting = machine.connect()
        waiting.sendall(packed({"scope": {"type": "http", "path": "/never", "method": "GET"}}))
        machine.wait_for("never begun")
        words, seconds = machine.halt()
        assert words == b"STOP\nSTOPZ\n" and machine.rest(waiting) == b""
        assert "went down" in machine.said()
        show("halt during a request: lifespan.shutdown, both words, then the machine's end")
    with Machine() as machine:
        machine.configure(code=archive(main__py=ASGI))
        assert machine.ask("/exit") is None and machine.process.wait(5) != 0
        show("sys.exit(): no byte, and the machine's end")


def refusals():
    cases = [
        (dict(code=archive(main__py=ASGI), entrypoint="main:nope"), "has no attribute 'nope'"),
        (dict(code=archive(main__py="import nothing_such"), entrypoint="main:app"), "nothing_such"),
        (dict(code=b"no archive"), "no zip archive"),
        (dict(code=archive(main__py=ASGI)[:-30]), "no zip archive"),
        (dict(encoding="plain", code=b"import sys; sys.exit(4)", entrypoint="app"), "SystemExit"),
        (dict(encoding="plain", code=b"import os; os._exit(4)", entrypoint="app"), "ended with status 4"),
        (dict(encoding="plain", code=b"import os; os.kill(os.getpid(), 11)", entrypoint="app"), "ended with signal 11"),
        (dict(encoding="plain", code=b"async def app(s, r, p):\n await r(); await p({'type': 'lifespan.startup.failed', 'message': 'no luck'})",
              entrypoint="app"), "no luck"),
        (dict(encoding="plain", code=b"def app(:", entrypoint="app"), "SyntaxError"),
        (dict(interface="executable", code=archive(other="x"), entrypoint="server"), "No such file"),
        (dict(interface="executable", encoding="plain", code=b"\x7fELFnone", entrypoint="server"), "can't be started"),
        (dict(volumes=[{"mount": "/opt/x", "device": "vdz", "read_only": True}]), "can't be mounted"),
        (dict(vm_hash="xyz"), "vm_hash"),
        (dict(interface="wasm"), "interface"),
        (dict(variables={"A=B": "c"}), "variables"),
        (dict(input_data=b"no archive"), "input data"),
        (dict(code=archive(**{"../x": "y"})), "leads out"),
        (dict(encoding="plain", code=b"raise ValueError('x' * 100000)", entrypoint="app"), "ValueError"),
    ]
    for keys, reason in cases:
        with Machine() as machine:
            answer = machine.configure(**keys)
            assert answer["success"] is False and set(answer) == {"success", "error", "traceback"}, answer
            assert reason in answer["error"] + answer["traceback"], (reason, answer)
            assert "traceback" in machine.ask("/"), "a request after a refusal"
            assert machine.halt()[0] == b"STOP\nSTOPZ\n"
    trouble = "async def app(s, r, p):\n await r(); await p({'type': 'lifespan.startup.failed', 'message': 'x' + '\u00e9' * 9000})"
    bad_name = io.BytesIO()
    with zipfile.ZipFile(bad_name, "w") as zipped:
        zipped.writestr("../abc", "x")
    for keys in (
        dict(encoding="plain", code=trouble.encode(), entrypoint="app"),
        dict(code=bad_name.getvalue().replace(b"abc", b"a\x82c")),
        dict(encoding="plain", code=b"raise ValueError('x' + chr(233) * 40000)", entrypoint="app"),
    ):
        with Machine() as machine:
            connection = machine.connect()
            message = packed({"interface": "asgi", "vm_hash": "ab" * 32, "encoding": "zip", "entrypoint": "main:app", "code": b"", **keys})
            connection.sendall(b"%d\n" % len(message) + message)
            answer = connection.recv(1 << 20)
            assert len(answer) <= 32768
            for value in unpack(answer)[0].values():
                assert value is False or value.encode("utf-8"), "as a host decodes it"
    show("a refusal's texts are UTF-8 wherever they are cut")
    show(f"{len(cases)} configurations refused with a reason, each followed by an orderly halt")
    with Machine() as machine:
        assert machine.configure_by(b"\xc1")["success"] is False
    with Machine() as machine:
        assert machine.halt()[0] == b"STOP\nSTOPZ\n"
    show("halt before any configuration")
    with Machine() as machine:
        absent = {key: "absent" for key in ("interface", "ipv6", "ipv6_gateway", "authorized_keys", "volumes", "dns_servers")}
        assert machine.configure(encoding="plain", code=ASGI.encode(), entrypoint="app", interface="asgi", ipv6="absent",
                                 ipv6_gateway="absent", authorized_keys="absent")["success"]
        assert machine.ask("/echo", "POST", body=b"x")["body"]["body"] == b"x" and absent
    with Machine() as machine:
        large = os.urandom(9_900_000)
        code = archive(main__py=ASGI, large=large)
        assert machine.configure(code=code, input_data=archive(hello=large.hex()[:4_000_000], other=large[:7_000_000]))["success"]
        assert machine.ask("/echo", "POST", body=b"x")["body"]["body"] == b"x"
    show("a configuration of 19 MB")
    show("a configuration of version 1 works; a plain program's namespace is one")


# As Starlette runs programs: one that streams is cancelled when it hears that the client has gone; one that raises has answered
# before; what middleware calls is a task of its own.
FRAMEWORK = """
import asyncio, sys
async def app(scope, receive, send):
    if scope["type"] == "lifespan": return
    path = scope["path"]
    if path == "/exit":
        async def leave(): sys.exit(5)
        await asyncio.gather(asyncio.ensure_future(leave()), asyncio.sleep(1))
    start = {"type": "http.response.start", "status": 500 if path in ("/raise", "/status") else 200, "headers": []}
    if path in ("/raise", "/status"):
        await send(start); await send({"type": "http.response.body", "body": b"Internal Server Error"})
        if path == "/raise": raise ValueError("on purpose")
        return
    await receive()
    async def stream():
        await send(start)
        for _ in range(300): await send({"type": "http.response.body", "body": b"x" * 10000, "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})
    sending = asyncio.ensure_future(stream())
    async def listen():
        while (await receive())["type"] != "http.disconnect": pass
        sending.cancel()
    listening = asyncio.ensure_future(listen())
    await asyncio.wait([sending, listening], return_when=asyncio.FIRST_COMPLETED)
    listening.cancel(); sending.cancel()
"""


def framework():
    with Machine() as machine:
        assert machine.configure(encoding="plain", code=FRAMEWORK.encode(), entrypoint="app")["success"]
        start = time.monotonic()
        for _ in range(5):
            assert machine.ask("/stream")["body"]["body"] == b"x" * 3_000_000 + b"end"
        assert time.monotonic() - start < 20
        show("a streamed answer of 3 MB, whose program is cancelled when the answer is sent")
        answer = machine.ask("/raise")
        assert "on purpose" in answer.get("error", "") and "Traceback" in answer["traceback"], answer
        assert machine.ask("/status")["body"]["body"] == b"Internal Server Error"
        show("a program that answers 500 and raises: its traceback; one that only answers 500: its answer")
        assert machine.ask("/exit") is None and machine.process.wait(5) != 0
        assert "ended with status 5" in machine.said()
        show("sys.exit() in a task of a program's: no byte, and the machine's end")


SERVER = b"""#!/usr/bin/python3
import gzip, http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body, path = self.rfile.read(int(self.headers.get("content-length") or 0)), self.path
        def head(status, *pairs):
            self.send_response(status)
            for name, value in pairs: self.send_header(name, value)
            self.end_headers()
        if path == "/close": self.close_connection = True; return
        if path == "/redirect": return head(302, ("location", "/x"), ("content-length", "0"))
        if path == "/early": self.wfile.write(b"HTTP/1.1 103 Early Hints\\r\\n\\r\\n")
        if path == "/none": return head(204)
        if path == "/bad": self.wfile.write(b"hello\\r\\n\\r\\n"); self.close_connection = True; return
        if path == "/short": head(200, ("content-length", "10")); self.wfile.write(b"123"); self.close_connection = True; return
        if path == "/eof": self.wfile.write(b"HTTP/1.0 200 OK\\r\\n\\r\\nuntil the end"); self.close_connection = True; return
        if path == "/die": os._exit(7)
        if path == "/slow": time.sleep(6)
        if path == "/chunks":
            head(200, ("transfer-encoding", "chunked"), ("set-cookie", "a"), ("set-cookie", "b"))
            for number in range(5): self.wfile.write(b"5\\r\\nhell%d\\r\\n" % number); time.sleep(0.02)
            self.wfile.write(b"0\\r\\nX: y\\r\\n\\r\\n"); return
        if path == "/gzip":
            body = gzip.compress(b"z" * 100000)
            head(200, ("content-encoding", "gzip"), ("content-length", str(len(body)))); self.wfile.write(body); return
        if path != "/echo": body = repr((self.command, path, sorted(self.headers.items()), os.environ.get("A"), os.getcwd())).encode()
        head(200, ("content-length", str(len(body))), ("keep-alive", "x"))
        if self.command != "HEAD": self.wfile.write(body)
    do_POST = do_HEAD = do_GET
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer): request_queue_size = 200
time.sleep(0.3)
Server(("127.0.0.1", 8080), Handler).serve_forever()
"""


def executable():
    with Machine() as machine:
        assert machine.configure(code=archive(server=SERVER), interface="binary", entrypoint="server", variables={"A": "b"})["success"]
        answer = machine.ask("/a b?c/d%e#", query="x=1 2&y=%26", headers=[(b"foo", b"bar"), (b"accept-encoding", b"gzip"), (b"connection", b"x")])
        body = answer["body"]["body"].decode()
        assert "'/a%20b%3Fc/d%25e%23?x=1%202&y=%26'" in body and "('foo', 'bar')" in body and "('accept-encoding', 'identity')" in body, body
        assert "('connection', 'close')" in body and "'b', '/'" in body and answer["output_data"] is None, body
        show("an executable that isn't up yet is waited for; path and query are encoded again; hop-by-hop headers stay")
        for path, status, text in [
            ("/redirect", 302, b""), ("/early", 200, b"GET"), ("/none", 204, b""), ("/eof", 200, b"until the end"),
            ("/chunks", 200, b"hell0hell1hell2hell3hell4"), ("/gzip", 200, b"z" * 100000), ("/slow", 200, b"GET"),
        ]:
            answer = machine.ask(path)
            assert answer["headers"]["status"] == status and text in answer["body"]["body"], (path, answer)
            names = [name.lower() for name, _ in answer["headers"]["headers"]]
            assert not {b"transfer-encoding", b"content-length", b"content-encoding", b"keep-alive"} & set(names), names
            if path == "/chunks":
                assert names.count(b"set-cookie") == 2
        show("redirects handed through, 1xx passed over, 204, chunks, until the end, gzip decoded, an answer after six seconds")
        assert machine.ask("/", "HEAD")["body"]["body"] == b""
        for path, reason in [("/close", "without an answer"), ("/bad", "no status line"), ("/short", "cut short")]:
            assert reason in machine.ask(path)["traceback"], path
        show("a server that closes, says nothing of HTTP, or too little: a reason at once")
        large = os.urandom(10_000_000)
        assert machine.ask("/echo", "POST", body=large)["body"]["body"] == large
        memory = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{agent_process(machine)}/status").read())
        show(f"10 MB each way; the agent's first process had {memory.group(1)} kB at most")
        assert "takes HTTP requests" in unpack(machine.exchange(packed({"scope": {"type": "aleph.message", "body": "{}"}})))[0]["error"]
        machine.ask("/die")
        # It answers before it ends: a request at once may still meet it, or find that it closes.
        deadline = time.monotonic() + 10
        while "ended with status 7" not in (error := (machine.ask("/") or {}).get("error") or ""):
            assert time.monotonic() < deadline, error
            time.sleep(0.1)
        show("a program that has ended: its status, and the machine goes on")
        assert machine.halt()[0] == b"STOP\nSTOPZ\n"
    with Machine() as machine:
        assert machine.configure(
            interface="executable", encoding="plain", entrypoint="deaf",
            code=b"#!/bin/sh\ntrap '' TERM\necho deaf now\nwhile :; do sleep 1; done\n")["success"]
        # Configured is what is started, and a shell that hasn't come to its first line isn't deaf yet.
        machine.wait_for("deaf now")
        words, seconds = machine.halt()
        assert words == b"STOP\nSTOPZ\n" and seconds > 2, (words, seconds)
    show("a program that ignores TERM is killed in time")
    with Machine() as machine:
        daemon = b"#!/bin/sh\n(trap 'echo daemon heard TERM; exit' TERM; echo listens now; while :; do sleep 0.1; done) &\nexit 0\n"
        assert machine.configure(interface="executable", encoding="plain", entrypoint="daemon", code=daemon)["success"]
        machine.wait_for("listens now")
        assert machine.halt()[0] == b"STOP\nSTOPZ\n" and "daemon heard TERM" in machine.said()
    show("what a program left running is asked to end, too")


def crowd():
    """More requests than are taken at once: those over are told so, and halt is heard all the same."""
    program = b"async def app(s, r, p):\n if s['type'] == 'http':\n  import asyncio; await asyncio.sleep(1000)"
    with Machine() as machine:
        assert machine.configure(encoding="plain", code=program, entrypoint="app")["success"]
        message = packed({"scope": {"type": "http", "path": "/", "method": "GET"}})
        waiting = []
        for _ in range(MOST_CONNECTIONS):
            connection = machine.connect()
            connection.sendall(message)
            waiting.append(connection)
        time.sleep(1)
        assert "at once" in machine.ask()["error"]
        assert machine.halt()[0] == b"STOP\nSTOPZ\n"
        for connection in waiting:
            connection.close()
    show(f"{MOST_CONNECTIONS} requests that wait: one more is refused, halt is heard")


def agent_process(machine):
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/exe").endswith("/usr/lib/rtverify/agent"):
                status = open(f"/proc/{name}/status").read()
                if re.search(r"NSpid:\s+\d+\s+1$", status, re.M):
                    return name
        except OSError:
            pass
    raise AssertionError("no agent")


def guest_api():
    program = b"""
import socket
def fetch():
    s = socket.socket(socket.AF_UNIX); s.connect("/tmp/socat-socket"); s.sendall(b"question"); s.shutdown(socket.SHUT_WR)
    return b"".join(iter(lambda: s.recv(100), b""))
async def app(scope, receive, send):
    if scope["type"] != "http": return
    import asyncio
    body = await asyncio.get_running_loop().run_in_executor(None, fetch)
    await send({"type": "http.response.start", "status": 200, "headers": []}); await send({"type": "http.response.body", "body": body})
"""
    with Machine() as machine:
        assert machine.configure(encoding="plain", code=program, entrypoint="app")["success"]
        answers = []
        asking = threading.Thread(target=lambda: answers.append(machine.ask()))
        asking.start()
        # As for a program on demand, whose host listens late.
        time.sleep(0.5)
        listener = machine.listen(53)
        listener.settimeout(10)
        connection, _ = listener.accept()
        connection.settimeout(10)
        question = b""
        while part := connection.recv(100):
            question += part
        connection.sendall(b"answer to " + question)
        connection.close()
        asking.join()
        assert answers[0]["body"]["body"] == b"answer to question", answers
    show("the guest API is relayed both ways with half-close, to a host that listens late")


def mutations():
    """Thousands of cut and changed messages: the agent answers each with a map or closes, and lives on."""
    randomness = random.Random(20261126)

    def changed(data):
        data = bytearray(data)
        for _ in range(randomness.randint(1, 6)):
            data[randomness.randrange(len(data))] = randomness.choice([0, 0xff, 0x7f, 0x80, 0xc1, 0xdf, randomness.randrange(256)])
        return bytes(data[: randomness.randint(1, len(data))] if randomness.random() < 0.5 else data)

    request = packed({"scope": {"type": "http", "path": "/echo", "method": "POST", "query_string": "a=b", "headers": [[b"a", b"b"]], "body": b"x" * 50}})
    count = 0
    with Machine() as machine:
        assert machine.configure(encoding="plain", code=ASGI.replace("sys.exit(3)", "pass").encode(), entrypoint="app")["success"]
        for _ in range(3000):
            connection = machine.connect()
            data = changed(request)
            if data.startswith(b"halt"):
                continue
            connection.sendall(data)
            connection.settimeout(0.008)
            try:
                answer = connection.recv(1 << 20)
                assert not answer or unpack(answer)[0] is not None
            except (socket.timeout, ConnectionResetError):
                pass
            connection.close()
            count += 1
        assert machine.ask("/echo", "POST", body=b"still")["body"]["body"] == b"still"
        assert machine.halt()[0] == b"STOP\nSTOPZ\n"
    message = packed({
        "interface": "executable", "vm_hash": "cd" * 32, "encoding": "plain", "entrypoint": "x", "code": b"#!/bin/sh\n",
        "variables": {"A": "b"}, "dns_servers": ["1.1.1.1"], "authorized_keys": ["k"],
        "volumes": [{"mount": "/opt/y", "device": "null", "read_only": True}]})
    for _ in range(60):
        with Machine() as machine:
            answer = machine.configure_by(changed(message)) if randomness.random() < 0.8 else machine.configure_by(message)
            assert answer is None or "success" in answer, answer
            assert machine.halt()[0] == b"STOP\nSTOPZ\n"
            count += 1
    show(f"{count} cut and changed messages")


for case in (asgi, framework, refusals, executable, guest_api, crowd, mutations):
    case()
print("all shown")
