"""A program with nothing but the ASGI interface: https://asgi.readthedocs.io/en/latest/specs/main.html"""


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "aleph.message":
        message = await receive()
        await send({"type": "aleph.message.response", "seen": message["body"]})
        return
    request = await receive()
    body = f"{scope['method']} {scope['path']} with {len(request['body'])} bytes\n".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})
