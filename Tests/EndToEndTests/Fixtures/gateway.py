#!/usr/bin/env python3
"""An IPFS gateway on loopback that has the blocks of one CAR: gateway.py FILE.car WAY [LOG]. Prints its port; ends with its standard input.

WAY: whole; blocks (raw blocks alone, 406 for paths); paths (no raw blocks); redirect (to another host, as subdomain gateways do); busy (429 with
Retry-After, once a URL); late (504, once a URL); gone (410 for raw blocks); page (an HTML page with status 200); lies (another block); cut and
reversed (of ?format=car). LOG gets a line a request.
"""
import base64, http.server, sys, threading, urllib.parse

from car_format import fields, sections, varint

data, way = open(sys.argv[1], "rb").read(), sys.argv[2]
seen, lock = set(), threading.Lock()
_, found = sections(data)
blocks = {cid: block for cid, block, _ in found}
length, at = varint(data, 0)
header = data[:at + length]


def links(cid):
    for number, value in fields(blocks[cid]):
        if number == 2:
            link = dict(fields(value))
            yield link.get(2, b"").decode(), link[1]


def contents(cid):
    return blocks[cid] if cid[1] == 0x55 else b"".join(contents(link) for _, link in links(cid))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with lock:
            first = self.path not in seen
            seen.add(self.path)
            if len(sys.argv) > 3:
                with open(sys.argv[3], "a") as log:
                    log.write(self.path + "\n")
        url = urllib.parse.urlsplit(self.path)
        if way == "busy" and first:
            return self.answer(429, headers={"Retry-After": "1"})
        if way == "late" and first:
            return self.answer(504)
        if way == "page":
            return self.answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
        if way == "redirect" and url.path.startswith("/ipfs/"):
            place = "http://localhost:%d/sub%s" % (self.server.server_address[1], self.path[5:])
            return self.answer(301, headers={"Location": place})
        parts = url.path.strip("/").split("/")[1:]
        cid = base64.b32decode(parts[0][1:].upper() + "=" * (-(len(parts[0]) - 1) % 8))
        for name in parts[1:]:
            cid = dict(links(cid)).get(name, b"")
        if cid not in blocks:
            return self.answer(404)
        form = urllib.parse.parse_qs(url.query).get("format", [""])[0]
        if form == "raw":
            if way == "gone":
                return self.answer(410)
            if way == "paths":
                return self.answer(406)
            return self.answer(200, blocks[cid][:-1] + b"!" if way == "lies" else blocks[cid])
        if form == "car":
            order = found[::-1] if way == "reversed" else found
            body = header + b"".join(section for _, _, section in order)
            return self.answer(200, body[:-5000] if way == "cut" else body)
        if way == "blocks":
            return self.answer(406)
        body = contents(cid)
        self.answer(200, body[:-1] + b"!" if way == "lies" else body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
