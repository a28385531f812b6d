"""In place of the official init, of which no image is here: it answers as docs/programs.md's table says that one does. One read
a message, str for the query, a lifespan that ends before the first request, a panic when the program exits."""

import asyncio
import os
import socket
import sys
import traceback

sys.path.insert(0, "/root")
from asgi_messagepack import packed, unpack  # noqa: E402

log = []


async def run(app, scope):
    body = scope.pop("body")
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def main():
    listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    listener.bind((socket.VMADDR_CID_ANY, 52))
    listener.listen(10)
    ready = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    ready.connect((2, 52))
    ready.sendall(packed({"version": "2.0.0"}))
    ready.close()
    namespace = {}
    connection, _ = listener.accept()
    length = b""
    while not length.endswith(b"\n"):
        length += connection.recv(1)
    data = b""
    while len(data) < int(length):
        data += connection.recv(1 << 20)
    configuration = unpack(data)[0]
    try:
        exec(configuration["code"], namespace)
        app = namespace[configuration["entrypoint"].rpartition(":")[2]]
        log.extend(["up", "down"])
        connection.sendall(packed({"success": True}))
    except Exception as error:
        connection.sendall(packed({"success": False, "error": str(error), "traceback": traceback.format_exc()}))
    connection.close()
    while True:
        connection, _ = listener.accept()
        message = connection.recv(1_000_000)
        if message == b"halt":
            os.sync()
            connection.sendall(b"STOP\nSTOPZ\n")
            connection.close()
            open("/proc/sysrq-trigger", "w").write("b")
        try:
            start, *bodies = asyncio.run(run(app, unpack(message)[0]["scope"]))
            answer = {
                "headers": {"status": start["status"], "headers": [list(pair) for pair in start["headers"]]},
                "body": bodies[0], "output": "", "output_data": b"",
            }
        except Exception as error:
            answer = {"error": str(error), "traceback": traceback.format_exc(), "output": ""}
        connection.sendall(packed(answer))
        connection.close()


main()
