#!/usr/bin/env python3
"""A server on loopback that answers as few do: lie.py FOLDER MODE [LOG]. Prints its port; ends with its standard input.

Plain sockets, because no library sends what these modes send. A request's first line and the headers that concern logins
go to LOG. Files without an ending and .deb files are answered by MODE; the rest as it is.

port-redirect    a redirect to a port above 65535
slow             a byte a second
slow-head        a header a second, for ever
endless-head     headers as fast as they go
endless-1xx      103 answers without end
endless-body     a body without length that never ends
no-length        the file, ended by the connection
half             the first half of each file and then the end, always
reset            nothing but a reset
busy-long        429, three times for the server as a whole, without Retry-After
busy-past        503 with a Retry-After of the past, twice for each file
busy-for-ever    429 for one file (the last by name) and files for the others
elsewhere        a redirect to the server whose address stands in FOLDER/elsewhere
proxy            serves http://anything/PATH as FOLDER/PATH, to absolute requests alone
proxy-login      the same to user:pa:ss; others get 407
proxy-refuses    503 with Squid's own header
login            the files to user:pa:ss
NAME of WAYS     that whole answer (below)
snapshot         FOLDER/PATH as /debian/TIME/PATH, for every time
honest           the files as they are
"""
import base64, gzip, os, socket, sys, threading, time, urllib.parse

folder, mode = sys.argv[1], sys.argv[2]


def head(status, *headers):
    return ("\r\n".join([f"HTTP/1.1 {status} x", *headers, "Connection: close"]) + "\r\n\r\n").encode()


def lengthy(body, *headers):
    return head(200, f"Content-Length: {len(body)}", *headers) + body


# Whole answers, by the true body and the request's path.
WAYS = {
    **{f"status-{code}": lambda body, path, code=code: head(code, "Content-Length: 0")
       for code in (204, 304, 400, 403, 410, 416, 418, 500, 502, 504)},
    "other-range": lambda body, path: head(206, f"Content-Range: bytes 7-{len(body) + 6}/{len(body) + 7}",
                                           f"Content-Length: {len(body)}") + body,
    "redirect-itself": lambda body, path: head(302, f"Location: {path}", "Content-Length: 0"),
    "redirect-file": lambda body, path: head(302, f"Location: file://{folder}{path}", "Content-Length: 0"),
    "redirect-ftp": lambda body, path: head(301, "Location: ftp://127.0.0.1/x", "Content-Length: 0"),
    "redirect-nowhere": lambda body, path: head(307, "Content-Length: 0"),
    "redirect-nonsense": lambda body, path: head(302, "Location: http://[::1", "Content-Length: 0"),
    "length-short": lambda body, path: head(200, f"Content-Length: {len(body) // 2}") + body,
    "length-long": lambda body, path: head(200, f"Content-Length: {len(body) + 9}") + body,
    "length-negative": lambda body, path: head(200, "Content-Length: -1") + body,
    "length-huge": lambda body, path: head(200, "Content-Length: 99999999999999999999") + body,
    "length-twice": lambda body, path: head(200, "Content-Length: 1", f"Content-Length: {len(body)}") + body,
    "chunks-broken": lambda body, path: head(200, "Transfer-Encoding: chunked") + b"zz\r\n" + body,
    "chunks-cut": lambda body, path: head(200, "Transfer-Encoding: chunked") + b"%x\r\n" % len(body) + body[:99],
    "encoded": lambda body, path: lengthy(gzip.compress(body), "Content-Encoding: gzip"),
    "garbage": lambda body, path: os.urandom(4096),
    "nothing": lambda body, path: b"",
    "no-head": lambda body, path: body,
    "nul-in-head": lambda body, path: head(200, "X: a\0b", f"Content-Length: {len(body)}") + body,
    "more": lambda body, path: head(200, f"Content-Length: {len(body)}") + body + b"HTTP/1.1 200 x\r\n\r\nmore",
    "page": lambda body, path: lengthy(b"<html>Log in to use this network</html>", "Content-Type: text/html"),
    "other-file": lambda body, path: lengthy(open(sys.argv[0], "rb").read()),
    "one-bit": lambda body, path: lengthy(body[:-1] + bytes([body[-1] ^ 1])),
    "zeros": lambda body, path: lengthy(bytes(len(body))),
}
log = open(sys.argv[3], "a") if len(sys.argv) > 3 else None
lock, counts = threading.Lock(), {}
most = 60


def count(key):
    with lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key]


def send(client, status, body=b"", headers=(), length=True):
    lines = [f"HTTP/1.1 {status} x"] + list(headers) + ([f"Content-Length: {len(body)}"] if length else [])
    client.sendall(("\r\n".join(lines + ["Connection: close"]) + "\r\n\r\n").encode() + body)


def answer(client):
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65536)
        if not part:
            return
        data += part
    lines = data.split(b"\r\n\r\n")[0].decode("latin1").split("\r\n")
    headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
    if log:
        with lock:
            seen = [f"{k}={headers[k]}" for k in ("authorization", "proxy-authorization", "host") if k in headers]
            log.write(" ".join([lines[0]] + seen) + "\n")
            log.flush()
    target = lines[0].split(" ")[1]
    if mode.startswith("proxy"):
        if lines[0].startswith("CONNECT"):
            return send(client, 403)
        if not target.startswith("http://"):
            return send(client, 400)
        if mode == "proxy-refuses":
            return send(client, 503, headers=["X-Squid-Error: ERR_DNS_FAIL 0"])
        if mode == "proxy-login":
            wanted = "Basic " + base64.b64encode(b"user:pa:ss").decode()
            if headers.get("proxy-authorization") != wanted:
                return send(client, 407, headers=['Proxy-Authenticate: Basic realm="x"'])
        target = "/" + target[7:].split("/", 1)[1]
    if mode == "login" and headers.get("authorization") != "Basic " + base64.b64encode(b"user:pa:ss").decode():
        return send(client, 401)
    if mode == "snapshot":
        parts = target.split("/", 3)
        target = "/" + parts[3] if len(parts) == 4 and parts[1] == "debian" and len(parts[2]) == 16 else "/none"
    path = folder + urllib.parse.unquote(target)
    if not os.path.isfile(path):
        return send(client, 404)
    with open(path, "rb") as file:
        body = file.read()
    name = os.path.basename(path)
    if not (name.endswith(".deb") or "." not in name) or mode in ("proxy", "proxy-login", "login", "snapshot", "honest"):
        return send(client, 200, body)
    if mode in WAYS:
        return client.sendall(WAYS[mode](body, target))
    if mode == "port-redirect":
        return send(client, 302, headers=["Location: http://127.0.0.1:65536/x"])
    if mode == "elsewhere":
        with open(folder + "/elsewhere") as file:
            return send(client, 302, headers=[f"Location: {file.read().strip()}{target}"])
    if mode == "slow":
        client.sendall(b"HTTP/1.1 200 x\r\nContent-Length: %d\r\n\r\n" % len(body))
        for byte in body[:most]:
            client.sendall(bytes([byte]))
            time.sleep(1)
        return
    if mode == "slow-head":
        client.sendall(b"HTTP/1.1 200 x\r\n")
        for number in range(most):
            client.sendall(b"X-%d: y\r\n" % number)
            time.sleep(1)
        return
    if mode == "endless-head":
        client.sendall(b"HTTP/1.1 200 x\r\n")
        for number in range(2_000_000):
            client.sendall(b"X-%d: %s\r\n" % (number, b"y" * 60))
        return
    if mode == "endless-1xx":
        end = time.time() + most
        while time.time() < end:
            client.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            time.sleep(0.05)
        return
    if mode == "endless-body":
        client.sendall(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20_000):
            client.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        return
    if mode == "no-length":
        return send(client, 200, body, length=False)
    if mode == "half":
        client.sendall(b"HTTP/1.1 200 x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
        return
    if mode == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return
    if mode == "busy-long" and count("all") <= 3:
        return send(client, 429)
    if mode == "busy-past" and count(path) <= 2:
        return send(client, 503, headers=["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"])
    if mode == "busy-for-ever" and name.startswith("squashfs"):
        return send(client, 429, headers=["Retry-After: 1"])
    send(client, 200, body)


def serve(client):
    with client:
        try:
            answer(client)
        except OSError:
            pass


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(64)


def accept():
    while True:
        client, _ = listener.accept()
        client.settimeout(most)
        threading.Thread(target=serve, args=(client,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
