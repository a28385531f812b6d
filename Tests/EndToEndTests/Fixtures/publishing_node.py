#!/usr/bin/env python3
"""A node on loopback that takes messages and files, as pyaleph does: publishing_node.py STATE.json [FILE...]. Prints its port; ends with its stdin.

STATE.json says how it behaves; all of it may be left out:
  limits      {"storage": N, "ipfs": N}; null for a node that is too old to say
  price       what the price is; null for one that doesn't say
  posts       how each upload goes, in order, the last for all that follow:
                ok         taken, and processed at once (200)
                pending    taken, and processed when it has been asked for thrice (202)
                stuck      taken, and pending for ever (202)
                rejected   taken, and rejected (422), with an error code of 5
                hold       taken, and rejected (422) with an error code of 202
                rejected-500    taken, and rejected: answered 500
                duplicate  taken, and answered 409
                busy-0     429 for ever, with a Retry-After of 0
                late-news  taken (202), and shown as it was known before until it has been asked for thrice
                retrying   taken (202), with a status that nobody knows
                late-rejected   taken (202), and rejected later
                poor       402, before anything is kept
                large      413 without reading the body, the connection closed
                other      422: another file than the message's
                forbidden, old, busy, broken, moved    403, 404, 429 once and then ok, 500, 307
                drop-head, drop-middle, drop-end, drop-late    the connection ends: at once, within the file, when all is kept, when all
                           is kept and processed two seconds later
                slow       read at a mebibyte a second, then taken
                drain      taken without being kept: what is served is a file of "backing"
                liar       200, and nothing is kept
                html       200, with a page
  drops       {PATH: N}: the first N questions whose path begins so end with the connection, the answer half said
  serves      "other" for other bytes than were sent, "nothing" for none
  backing     {HASH: PATH}: what is served of files that are not kept
  known       {HASH: STATUS}: messages that it has had before
Files named on the command line are files that it has. GET /log says what it was sent. It computes SHA-256 and CIDv0 by hashlib alone.
"""
import hashlib, http.server, json, os, sys, threading, time
from protobuf_writing import field, varint

state = json.load(open(sys.argv[1]))
posts = list(state.get("posts", ["ok"]))
limits = state.get("limits", {"storage": 100 << 20, "ipfs": 1 << 30})
log, messages, files = [], {}, {}
lock = threading.Lock()
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def cid_v0(data):
    """The CIDv0 of a file with chunks of 256 KiB (dag-pb, UnixFS, 174 links a node)."""
    level = []
    for at in range(0, max(1, len(data)), 1 << 18):
        chunk = data[at:at + (1 << 18)]
        unixfs = b"\x08\x02" + (field(2, chunk) if chunk else b"") + b"\x18" + varint(len(chunk))
        block = field(1, unixfs)
        level.append((b"\x12\x20" + hashlib.sha256(block).digest(), len(block), len(chunk)))
    while len(level) > 1:
        above = []
        for at in range(0, len(level), 174):
            group = level[at:at + 174]
            links = b"".join(field(2, field(1, c) + field(2, b"") + b"\x18" + varint(s)) for c, s, _ in group)
            size = sum(n for _, _, n in group)
            unixfs = b"\x08\x02\x18" + varint(size) + b"".join(b"\x20" + varint(n) for _, _, n in group)
            block = links + field(1, unixfs)
            above.append((b"\x12\x20" + hashlib.sha256(block).digest(), len(block) + sum(s for _, s, _ in group), size))
        level = above
    number, text = int.from_bytes(level[0][0], "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


def keep(data):
    files[hashlib.sha256(data).hexdigest()] = data
    files[cid_v0(data)] = data


for path in sys.argv[2:]:
    keep(open(path, "rb").read())


def take(message, way):
    """The message, as the network has it from now on."""
    now = {"pending": "pending", "stuck": "pending", "late-rejected": "pending", "rejected": "rejected",
           "hold": "rejected", "rejected-500": "rejected", "retrying": "retrying"}.get(way, "processed")
    with lock:
        messages[message["item_hash"]] = {"status": now, "message": message, "way": way, "asked": 0}


def progress(entry):
    entry["asked"] += 1
    if entry["asked"] >= 3 and entry["status"] == "pending":
        entry["status"] = {"pending": "processed", "late-rejected": "rejected"}.get(entry["way"], "pending")
    shown = {"status": entry["status"], "message": entry["message"]}
    if entry["status"] == "pending":
        # pyaleph shows a pending message as one of a list.
        return {"status": "pending", "item_hash": entry["message"]["item_hash"], "messages": [entry["message"]]}
    if entry["status"] == "rejected":
        shown["error_code"] = 202 if entry["way"] == "hold" else 5
        shown["details"] = {"errors": [{"account_balance": "0", "required_balance": "12"}]}
    return shown


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def say(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        name = path.rsplit("/", 1)[-1]
        if path == "/log":
            return self.say(200, log)
        with lock:
            dropped = next((begin for begin, left in state.get("drops", {}).items() if left and path.startswith(begin)), None)
            if dropped:
                state["drops"][dropped] -= 1
        if dropped:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            return self.cut()
        if path == "/api/v0/storage/limits.json":
            if limits is None:
                return self.say(404, b"404: Not Found")
            return self.say(200, {
                "storage": {"max_file_size": limits["storage"], "max_unauthenticated_upload_file_size": 25 << 20},
                "ipfs": {"max_upload_file_size": limits["ipfs"], "max_upload_car_size": 4 << 30, "max_unauthenticated_upload_file_size": 25 << 20}})
        if name in state.get("backing", {}) and path.startswith("/api/v0/storage/raw/") and messages:
            place = state["backing"][name]
            self.send_response(200)
            self.send_header("Content-Length", str(os.path.getsize(place)))
            self.end_headers()
            if self.command == "GET":
                with open(place, "rb") as file:
                    while piece := file.read(1 << 20):
                        self.wfile.write(piece)
            return
        if path.startswith("/api/v0/storage/raw/"):
            if name not in files or state.get("serves") == "nothing":
                return self.say(404, b"404: Not Found")
            return self.say(200, b"other bytes" if state.get("serves") == "other" else files[name])
        if path == "/api/v0/messages.json":
            return self.say(200, {"messages": []})
        if path.startswith("/api/v0/messages/"):
            known = state.get("known", {}).get(name)
            with lock:
                entry = messages.get(name)
                if entry and entry["way"] == "late-news" and entry["asked"] < 3:
                    entry["asked"] += 1
                    entry = None
                if entry:
                    return self.say(200, progress(entry))
            if known:
                return self.say(200, {"status": known, "item_hash": name, "message": {"item_hash": name}, "forgotten_by": [], "error_code": 5})
        self.say(404, b"404: Not Found")

    def cut(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        if self.path == "/api/v0/price/estimate":
            question = json.loads(self.rfile.read(length))["message"]
            content = json.loads(question["item_content"])
            if state.get("price", "0.25") is None:
                return self.say(404, b"404: no price")
            return self.say(200, {
                "required_tokens": 0.25, "cost": state.get("price", "0.25"), "payment_type": content["payment"]["type"],
                "detail": [{"size_mib": content["estimated_size_mib"]}], "charged_address": content["address"]})
        if self.path == "/api/v0/messages":
            body = json.loads(self.rfile.read(length))
            content = json.loads(body["message"]["item_content"])
            log.append({"path": self.path, "item_hash": body["message"]["item_hash"], "sync": body["sync"], "bytes": 0})
            take(body["message"], "ok" if content["item_hash"] in files else "stuck")
            return self.say(200 if content["item_hash"] in files else 202, {
                "publication_status": {"status": "success", "failed": []}, "message_status": "processed"})
        with lock:
            way = posts.pop(0) if len(posts) > 1 else posts[0]
        entry = {"path": self.path, "way": way, "bytes": 0}
        log.append(entry)
        if way == "drop-head":
            return self.cut()
        if way == "large":
            self.say(413, b"413: Maximum request body size exceeded")
            return self.cut()
        if way == "drop-middle":
            entry["bytes"] = len(self.rfile.read(length // 2))
            return self.cut()
        if way == "drain":
            head, rest = self.rfile.read(4096), length - 4096
            while rest:
                rest -= len(self.rfile.read(min(rest, 1 << 20)))
            entry["bytes"] = length
            take(json.JSONDecoder().raw_decode(head.partition(b"\r\n\r\n")[2].decode(errors="replace"))[0]["message"], "ok")
            return self.say(200, {"status": "success"})
        pieces = []
        while sum(map(len, pieces)) < length:
            pieces.append(self.rfile.read(min(1 << 20, length - sum(map(len, pieces)))) if way == "slow" else self.rfile.read(length))
            if way == "slow":
                time.sleep(1)
        body = b"".join(pieces)
        entry["bytes"] = len(body)
        boundary = self.headers["Content-Type"].split("boundary=")[1].encode()
        parts = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, value = part.partition(b"\r\n\r\n")
            parts[head.split(b'name="')[1].split(b'"')[0].decode()] = value[:-2]
        metadata = json.loads(parts["metadata"])
        message, data = metadata["message"], parts["file"]
        entry["item_hash"], entry["sync"] = message["item_hash"], metadata["sync"]
        content = json.loads(message["item_content"])
        own = cid_v0(data) if "/ipfs/" in self.path else hashlib.sha256(data).hexdigest()
        answers = {"poor": (402, b"402: Payment Required"), "forbidden": (403, b"403: Invalid signature"), "old": (404, b"404: Not Found"),
                   "broken": (500, b"500: Internal Server Error"), "other": (422, b"422: File hash does not match (QmA != QmB)"),
                   "html": (200, b"<html>welcome</html>"), "liar": (200, {"status": "success", "hash": own})}
        if way in ("busy", "busy-0"):
            return self.say(429, b"429: Too Many Requests", [("Retry-After", "1" if way == "busy" else "0")])
        if way == "moved":
            return self.say(307, b"", [("Location", "https://node.example/" + self.path)])
        if way in answers:
            return self.say(*answers[way])
        if hashlib.sha256(message["item_content"].encode()).hexdigest() != message["item_hash"]:
            return self.say(422, b"422: Unprocessable Entity")
        if own != content["item_hash"]:
            return self.say(422, f"422: File hash does not match ({own} != {content['item_hash']})".encode())
        keep(data)
        if way == "drop-late":
            threading.Timer(2, take, [message, "ok"]).start()
            return self.cut()
        take(message, "ok" if way == "drop-end" else way)
        if way == "drop-end":
            return self.cut()
        self.say({"rejected": 422, "hold": 422, "rejected-500": 500, "duplicate": 409, "retrying": 202, "late-news": 202, "pending": 202, "stuck": 202, "late-rejected": 202}.get(way, 200),
                 {"status": "success", "hash": own, "name": "file", "size": len(data)})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
