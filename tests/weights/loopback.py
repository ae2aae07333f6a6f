"""A server on this machine, that misbehaves on demand: plain, and as the hub."""

import contextlib
import hashlib
import re
import socket
import struct
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0" * 20
PAGE = b"<!DOCTYPE html><title>Log in</title>" + b" " * 500
STATUS = {"refused": 403, "missing": 404, "error": 500}


class Loopback(ThreadingHTTPServer):
    """Serves `files` by path.

    `/owner/name/resolve/...` is answered as by the hub: the head with the content's
    hash, and from there a redirect to another host, as for large files there.

    Attributes:
        files: From path to content.
        tricks: What is done instead to the next requests, by method: `"cut"` (half
            of the file, then the end), `"stall"` (half, then nothing), `"corrupt"`,
            `"page"` (HTML), `"whole"` (never mind the range), `"unmeasured"` (no
            length), `"short"` (half, as if that were all), `"long"`, `"redirect"`,
            `"drip"` (slowly), `"reset"` (half, and the connection is reset),
            `"misplaced"` (another range than asked for), or one of `STATUS`.
        always: What is done when there are no tricks left.
        seen: Method, path and `Range` of every request.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.seen, self.always = {}, [], None
        self.tricks = {"GET": deque(), "HEAD": deque()}
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        # To the client library this is another host, to which no token is sent.
        self.cdn = f"http://localhost:{self.server_port}/cdn"

    def ranges(self):
        """The `Range` of every download; the client asks for other things too."""
        return [
            asked
            for method, path, asked in self.seen
            if method == "GET" and not path.startswith("/api/")
        ]

    def handle_error(self, request, client_address):
        """Clients that hang up are what is tested."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", len(body))
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self):
        trick = self.note()
        match = re.fullmatch(r"/(.+?/.+?)/resolve/(.+?)/(.+)", self.path)
        content = self.server.files.get(self.path)
        if trick in STATUS:
            self.answer(STATUS[trick])
        elif content is not None:
            digest = hashlib.sha256(content).hexdigest()
            self.answer(
                302,
                Location=self.server.cdn + self.path,
                X_Repo_Commit=COMMIT,
                X_Linked_Etag=f'"{digest}"',
                X_Linked_Size=len(content),
            )
        elif match and any(x.startswith(f"/{match[1]}/") for x in self.server.files):
            self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        else:
            self.answer(404, X_Error_Code="RepoNotFound")

    def note(self):
        asked = self.headers.get("Range")
        self.server.seen.append((self.command, self.path, asked))
        if self.path.startswith("/api/"):
            return None
        tricks = self.server.tricks[self.command]
        if tricks:
            return tricks.popleft()
        return self.server.always if self.command == "GET" else None

    def do_GET(self):
        trick = self.note()
        content = self.server.files.get(self.path.removeprefix("/cdn"))
        if trick == "redirect":
            return self.answer(302, Location=self.path)
        if content is None or trick in STATUS:
            return self.answer(STATUS.get(trick, 404))
        if trick == "page":
            return self.answer(200, PAGE)
        return self.content(trick, content)

    def content(self, trick, content):
        asked = self.headers.get("Range")
        start = int(asked[6:].rstrip("-")) if asked and trick != "whole" else 0
        if start >= len(content):
            return self.answer(416, Content_Range=f"bytes */{len(content)}")
        total, headers = len(content), {}
        if start:
            headers["Content_Range"] = f"bytes {start}-{total - 1}/{total}"
        if trick == "corrupt":
            content = content[:-1] + bytes([content[-1] ^ 1])
        body = content[start if trick != "misplaced" else start - 1 :]
        headers["Content_Length"] = len(body)
        if trick == "unmeasured":
            headers["Content_Length"] = None
        if trick in ("cut", "stall", "short", "drip", "reset"):
            body = content[start : total // 2]
        if trick == "short":
            headers["Content_Length"] = len(body)
        if trick == "long":
            body += b"more"
        self.answer(206 if start else 200, body, **headers)
        if trick == "stall":
            self.server.closing.wait(20)
        if trick == "reset":
            # Closing without lingering resets; at once, even the half would be lost.
            self.server.closing.wait(0.1)
            off = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, off)
            self.connection.close()
        if trick == "drip":
            self.server.closing.wait(0.5)
            self.wfile.write(content[max(start, total // 2) :])
        return None


@contextlib.contextmanager
def loopback():
    with Loopback() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
