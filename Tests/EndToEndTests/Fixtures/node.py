#!/usr/bin/env python3
"""A node on loopback that answers what ROUTES.json says: node.py ROUTES.json [ADDRESS]. Prints its port; ends with its stdin.

Routes by path with the query, with its first word, or without: {"body": TEXT, "file": PATH, "status": 200, "location": URL, "mode": MODE}.
MODE: slow (a second late), stall (answers after a minute), trickle (a byte a second), endless (a body without an end, of
at most 256 MB), huge (says 1 GB and sends until nobody listens).
"""
import http.server, json, sys, threading, time

routes = json.load(open(sys.argv[1]))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        route = routes.get(self.path) or routes.get(self.path.split("&")[0]) or routes.get(self.path.split("?")[0])
        if route is None:
            route = {"status": 404, "body": "not found"}
        body = open(route["file"], "rb").read() if "file" in route else route.get("body", "").encode()
        mode = route.get("mode")
        if mode in ("slow", "stall"):
            time.sleep(1 if mode == "slow" else 60)
        self.send_response(route.get("status", 200))
        if "location" in route:
            self.send_header("Location", route["location"])
        if mode == "endless":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(1 << 30 if mode == "huge" else len(body)))
        self.end_headers()
        try:
            if mode in ("endless", "huge"):
                for _ in range(256):
                    piece = b'{"a": ' * 160000
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if mode == "endless" else piece)
                self.close_connection = True
            elif mode == "trickle":
                for byte in body[:60]:
                    self.wfile.write(bytes([byte]))
                    time.sleep(1)
                self.close_connection = True
            else:
                self.wfile.write(body)
        except OSError:
            self.close_connection = True


server = http.server.ThreadingHTTPServer((sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
