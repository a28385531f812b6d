#!/usr/bin/env python3
"""Serves a folder on loopback, well or badly: serve.py FOLDER [MODE]. Prints its port; ends with its standard input.

MODE concerns files without an ending and .deb files: wrong, truncated, missing, busy (429 with Retry-After: 1, once a file), hang, short (cuts
each answer at half once, then honours Range), slow (answers in another order than asked), tls (by https, with FOLDER's
certificate.pem and key.pem).
"""
import http.server, os, random, ssl, sys, threading, time, urllib.parse

folder, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
seen, lock = set(), threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", headers={}, length=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = folder + urllib.parse.unquote(self.path)
        if not os.path.isfile(path):
            return self.answer(404)
        with open(path, "rb") as file:
            body = file.read()
        if path.endswith(".deb") or "." not in os.path.basename(path):
            with lock:
                first = path not in seen
                seen.add(path)
            if mode == "wrong":
                body = body[:-1] + bytes([body[-1] ^ 1])
            if mode == "missing":
                return self.answer(404)
            if mode == "busy" and first:
                return self.answer(429, headers={"Retry-After": "1"})
            if mode == "hang":
                time.sleep(20)
            if mode == "slow":
                time.sleep(random.random())
            if mode == "truncated" or (mode == "short" and first):
                self.answer(200, body[: len(body) // 2], length=len(body))
                self.close_connection = True
                return
            start = self.headers.get("Range")
            if start:
                first = int(start[6:-1])
                return self.answer(
                    206, body[first:], {"Content-Range": "bytes %d-%d/%d" % (first, len(body) - 1, len(body))})
        self.answer(200, body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if mode == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
