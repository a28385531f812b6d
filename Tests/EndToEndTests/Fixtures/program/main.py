"""What a program may do, for the tests of `rtverify run`."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, Request, WebSocket
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse, StreamingResponse

log = []


@asynccontextmanager
async def lifespan(app):
    log.append("up")
    yield
    print("lifespan is over", flush=True)


app = FastAPI(lifespan=lifespan)
app.add_middleware(GZipMiddleware, minimum_size=10)


@app.get("/log")
async def read_log(background: BackgroundTasks):
    background.add_task(log.append, "background")
    return log


@app.get("/url")
async def url(request: Request):
    return str(request.url)


@app.get("/stream/{count}")
async def stream(count: int):
    async def parts():
        # Two megabytes and more: what is short never waits for the connection.
        for number in range(0, count, 1000):
            yield "".join(f"part {line}\n" for line in range(number, min(number + 1000, count)))
            await asyncio.sleep(0)

    return StreamingResponse(parts())


@app.get("/zipped")
async def zipped():
    return "x" * 100_000


@app.post("/echo")
async def echo(request: Request):
    return PlainTextResponse(await request.body())


@app.get("/raise")
async def fail():
    raise ValueError("on purpose")


@app.get("/never")
async def never():
    await asyncio.sleep(1000)


@app.get("/flood")
async def flood():
    for number in range(2000):
        print("flood", number, "x" * 60)
    return "flooded"


@app.get("/fork")
async def fork():
    if os.fork() == 0:
        import time

        time.sleep(1000)
    return "forked"


@app.get("/machine")
async def machine():
    data = os.listdir("/data") if os.path.exists("/data") else None
    return {
        "greeting": os.environ.get("GREETING"), "data": data, "host": os.uname().nodename, "python": sys.version_info[:2],
        "volume": open("/opt/fixed/name").read() if os.path.exists("/opt/fixed/name") else None,
    }


@app.get("/write")
async def write():
    with open("/mnt/written/new", "a") as file:
        file.write("hello")
    return open("/mnt/written/new").read()


@app.get("/api/{path}")
async def api(path: str):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.environ["ALEPH_API_UNIX_SOCKET"])
        client.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return PlainTextResponse(b"".join(iter(lambda: client.recv(4096), b"")))


@app.get("/memory")
async def memory():
    """The most that the agent's first process had, in kB."""
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            try:
                if os.readlink(f"/proc/{name}/exe") == "/usr/lib/rtverify/agent":
                    lines = open(f"/proc/{name}/status").read().splitlines()
                    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
            except OSError:
                pass


@app.websocket("/socket")
async def websocket(connection: WebSocket):
    await connection.accept()


@app.get("/exit")
async def leave():
    sys.exit(3)


@app.get("/signal")
async def end():
    os.kill(os.getpid(), signal.SIGSEGV)
