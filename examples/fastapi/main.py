"""A FastAPI program: it counts its visitors for as long as its machine lives."""

import os
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

visits = {"count": 0}


@asynccontextmanager
async def lifespan(app: FastAPI):
    print("started", flush=True)
    yield
    print("stopped after", visits["count"], "visits", flush=True)


app = FastAPI(lifespan=lifespan)


def count():
    visits["count"] += 1


@app.get("/")
async def root(background: BackgroundTasks):
    background.add_task(count)
    return {"greeting": os.environ.get("GREETING", "Hello"), "visits": visits["count"]}


@app.get("/numbers/{last}")
async def numbers(last: int):
    async def lines():
        for number in range(last):
            yield f"{number}\n"

    return StreamingResponse(lines(), media_type="text/plain")
