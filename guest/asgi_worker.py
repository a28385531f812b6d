"""Runs one ASGI program for the agent of a machine on the Aleph network.

The agent starts it as `python3 -OO asgi_worker.py ENCODING ENTRYPOINT`. Descriptor 3 is a channel to the agent: it gets one
map when the program is loaded, and its end means that the machine halts. Descriptor 4 takes a connection a request: eight
bytes of length and the host's message; the answer is eight bytes of length and what the host is to get. A connection that ends
without one means that the program is at its end.

https://asgi.readthedocs.io/en/latest/specs/ tells what a program may expect. Python 3.9 and newer; no other library.
"""

import asyncio
import inspect
import os
import socket
import sys
import traceback
import types

from asgi_exchange import Event, Exchange, trouble
from asgi_messagepack import packed, unpack

CHANNEL, REQUESTS = 3, 4
PLAIN_PROGRAM = "/run/rtverify/main.py"
# Seconds.
STARTUP_LIMIT, BACKGROUND_LIMIT, SHUTDOWN_LIMIT = 30, 1, 1.3


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


def described(error):
    """An error in a line, and its traceback."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return f"{type(error).__name__}: {error}", text


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


def exit_of(error):
    """The SystemExit or KeyboardInterrupt that an error is, or that a group of errors (Python 3.11) has in it."""
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        return error
    return next(filter(None, map(exit_of, getattr(error, "exceptions", ()))), None)


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
        task = asyncio.current_task()
        is_answered = False

        def answer(value):
            nonlocal is_answered
            data = packed(value)
            is_answered = True
            self.background.add(task)
            # Not waited for: a program is told that its answer is whole, and may be cancelled where it would wait.
            writer.write(len(data).to_bytes(8, "big") + data)

        try:
            size = int.from_bytes(await reader.readexactly(8), "big")
            last = await self.run(await reader.readexactly(size), reader, answer)
            if last and not is_answered:
                answer(last)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except BaseException as error:
            exit = exit_of(error)
            if exit:
                # No answer, and the program's end: the network then starts a new machine.
                leave_as(exit)
            traceback.print_exception(type(error), error, error.__traceback__)
            if not is_answered:
                answer(trouble(*described(error)))
        finally:
            self.background.discard(task)
            writer.close()

    async def run(self, data, reader, answer):
        """Has the program answer; returns what is to be answered when it hasn't."""
        message, _ = unpack(memoryview(data))
        del data
        scope = message["scope"]
        kind = scope.get("type")
        if kind == "http":
            exchange = Exchange(scope, self.lifespan.state, answer)
        elif kind == "aleph.message":
            exchange = Event(scope, answer)
        else:
            return trouble(f"'{kind}' is neither an HTTP request nor an event")

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
        return exchange.end()


async def main():
    encoding, entrypoint = sys.argv[1:3]
    sys.argv[:] = ["/root/init1.py"]
    places = {"squashfs": ["/opt/code"], "zip": ["/opt"]}.get(encoding, [])
    sys.path[:1] = [*places, "/opt/packages", "/root"]
    # A program's modules may have any name.
    del sys.modules["asgi_exchange"], sys.modules["asgi_messagepack"]
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
        name, trace = described(error)
        tell({"error": name, "traceback": trace})
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
    # Not asyncio.run(): it cancels what still runs when a program exits, which then would answer.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main())
    except BaseException as error:
        leave_as(exit_of(error) or SystemExit(1))
