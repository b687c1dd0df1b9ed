"""Runs `npm start` of this checkout in a folder of its own, and talks to it. Standard library only."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

MAIN = pathlib.Path(__file__).parents[2] / "dist" / "src" / "main.js"


class Descent:
    def __init__(self, url: str):
        self.url = url

    def call(self, method: str, path: str, body: bytes | dict | None = None, **query) -> tuple[int, bytes]:
        """Status and body, whatever the status is, but 503 is asked again. A dict goes as JSON."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        headers = {"prefer": "wait=50"}
        if isinstance(body, dict):
            body, headers["content-type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(address, body, headers, method=method)
        while True:
            try:
                with urllib.request.urlopen(request) as response:
                    return response.status, response.read()
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    return error.code, error.read()
                time.sleep(float(error.headers.get("retry-after", 1)))

    def need(self, method: str, path: str, body: bytes | dict | None = None, **query) -> bytes:
        """The body of an answer that must be a success."""
        status, answer = self.call(method, path, body, **query)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer.decode(errors='replace')}")
        return answer

    def json(self, method: str, path: str, body: bytes | dict | None = None, **query) -> dict:
        return json.loads(self.need(method, path, body, **query))

    def rows(self, dataset: str, split: str) -> list[dict]:
        """All rows of one half of a dataset, in their own units."""
        found: list[dict] = []
        while True:
            after = {"after": found[-1]["index"]} if found else {}
            page = self.json("GET", f"/datasets/{dataset}/rows", split=split, limit=1000, **after)
            found += page["data"]
            if not page["has_more"]:
                return found

    def train(self, spec: dict) -> dict:
        """The finished job."""
        job = self.json("POST", "/jobs", spec)
        while not job["terminal"]:
            job = self.json("GET", f"/jobs/{job['id']}")
        if job["status"] != "succeeded":
            raise RuntimeError(json.dumps(job["error"]))
        return job


def ended(*_) -> None:
    """On SIGTERM: as an exception, what was started is stopped."""
    sys.exit(143)


@contextlib.contextmanager
def running() -> Iterator[Descent]:
    signal.signal(signal.SIGTERM, ended)
    with tempfile.TemporaryDirectory(prefix="descent-peers-") as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "DATA_DIR": folder,
            "PORT": "0",
            "LOG_LEVEL": "fatal",
        }
        process = subprocess.Popen(
            ["node", MAIN], env=environment, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
        )
        try:
            for line in process.stdout:
                if "http:" in line:
                    yield Descent("http:" + line.split("http:")[1].split()[0].rstrip("/"))
                    break
            else:
                raise RuntimeError(f"{MAIN} did not start")
        finally:
            process.terminate()
            process.wait()
