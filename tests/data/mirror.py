"""A server of stand-ins for MNIST's files, which can be told to break off, to lie or to stall."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
CONTENT = {name: np.random.default_rng(size).bytes(size) for name, size in ((IMAGES, 300_000), (LABELS, 500))}
PACKED = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


class Mirror(ThreadingHTTPServer):
    """A server of ``PACKED`` at ``url``, which can be told to misbehave; ``asked`` has each path and its range."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.files = dict(PACKED)
        self.knows_ranges = True
        self.names_length = True
        self.cuts: list[int] = []  # after so many bytes the connection ends, once for each
        self.stalls_at: int | None = None  # from this byte of a file on nothing comes any more
        self.asked: list[tuple[str, str | None]] = []
        self.ending = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave early are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name, wanted = self.path.removeprefix("/"), self.headers["Range"]
        self.server.asked.append((name, wanted))
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.knows_ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.names_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + self.server.cuts.pop(0) if self.server.cuts else self.server.stalls_at
        self.wfile.write(content[start:stop])
        if self.server.stalls_at is not None:
            self.server.ending.wait()

    def log_message(self, *args: object) -> None:
        """Quiet."""
