#!/usr/bin/env python3
"""Opens a page in headless Chromium, without network, and does things in it: browse.py PAGE STEP...

A step is `SCRIPT` (evaluated; its value is printed as JSON) or `screenshot=FILE`. Chromium is spoken to through its
debugging pipe (descriptors 3 and 4, messages that end with a zero), so no port is opened. It ends with this program.
"""
import base64, json, os, shutil, subprocess, sys, tempfile

program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not program:
    sys.exit("no chromium")
profile = tempfile.mkdtemp()
to_browser, from_browser = os.pipe(), os.pipe()


def descriptors():
    # Above 4 first, so that neither end is overwritten before it is moved.
    reading, writing = os.dup2(to_browser[0], 20), os.dup2(from_browser[1], 21)
    os.dup2(reading, 3)
    os.dup2(writing, 4)


browser = subprocess.Popen(
    [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
     "--proxy-server=127.0.0.1:9", "--remote-debugging-pipe", "--window-size=1200,1500", f"--user-data-dir={profile}",
     "about:blank"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, pass_fds=(),
    preexec_fn=descriptors)
os.close(to_browser[0])
os.close(from_browser[1])
messages, number, events = os.fdopen(from_browser[0], "rb"), 0, []


def receive():
    data = b""
    while not data.endswith(b"\0"):
        byte = messages.read(1)
        if not byte:
            sys.exit("chromium ended")
        data += byte
    return json.loads(data[:-1])


def call(method, session=None, **parameters):
    global number
    number += 1
    message = {"id": number, "method": method, "params": parameters}
    if session:
        message["sessionId"] = session
    os.write(to_browser[1], json.dumps(message).encode() + b"\0")
    while True:
        answer = receive()
        if answer.get("id") == number:
            if "error" in answer:
                sys.exit(f"{method}: {answer['error']}")
            return answer["result"]
        events.append(answer)


try:
    target = call("Target.createTarget", url="about:blank")["targetId"]
    session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Network", "Log", "Runtime"):
        call(domain + ".enable", session)
    call("Page.navigate", session, url="file://" + os.path.abspath(sys.argv[1]))
    while not any(event.get("method") == "Page.loadEventFired" for event in events):
        events.append(receive())
    for step in sys.argv[2:]:
        if step.startswith("screenshot="):
            shot = call("Page.captureScreenshot", session, format="png")
            with open(step[11:], "wb") as file:
                file.write(base64.b64decode(shot["data"]))
            continue
        result = call("Runtime.evaluate", session, expression=step, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{step}: {result['exceptionDetails']}")
        print(json.dumps(result["result"].get("value")))
    requests = [event["params"]["request"]["url"] for event in events if event.get("method") == "Network.requestWillBeSent"]
    errors = [event for event in events if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
    print(json.dumps([len([url for url in requests if not url.startswith("file://")]), len(errors)]))
finally:
    browser.terminate()
    browser.wait()
    shutil.rmtree(profile, ignore_errors=True)
