# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on loopback that answers as its script says: for what a real API server does only on a bad day."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    lines: Callable[[], Iterator[Any]] | None = None
    """A watch: one JSON object a line, each sent when it comes. A None breaks the connection in the middle of a line."""


def status(code: int, reason: str, message: str = "said the server", **headers: str) -> Reply:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": {"name": "x"}}
    return Reply(code, body, {name.replace("_", "-"): value for name, value in headers.items()})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """The 5 of socketserver are too few for an observer: while a loaded machine keeps the server waiting, the kernel drops the rest."""


class FakeApi:
    """`answer` gets each request and its number (from 0) and returns a Reply."""

    def __init__(self, answer: Callable[[Request, int], Reply]) -> None:
        self.requests: list[Request] = []
        self.at_once = 0
        self.most_at_once = 0
        self._answer = answer
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def cluster(self, **auth: Any) -> Cluster:
        return Cluster(Connection({"host": self.url, "api_key": "token-of-the-test", **auth}))

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                api._serve(self)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        data = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(
            handler.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            {name.lower(): ", ".join(handler.headers.get_all(name) or ()) for name in handler.headers},
            _parsed(data),
        )
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            _send(handler, self._answer(request, number))
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True  # the client went away, as a closed watch does
        finally:
            with self._lock:
                self.at_once -= 1


@contextmanager
def fake_api(answer: Callable[[Request, int], Reply]) -> Iterator[FakeApi]:
    api = FakeApi(answer)
    api.start()
    try:
        yield api
    finally:
        api.stop()


def script(*replies: Reply) -> Callable[[Request, int], Reply]:
    """The replies one after the other, the last one for ever."""
    return lambda request, number: replies[min(number, len(replies) - 1)]


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode()  # a form


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    handler.send_header("Content-Type", "application/json")
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if reply.lines is None:
        data = json.dumps(reply.body).encode() if not isinstance(reply.body, bytes) else reply.body
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
        return
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for line in reply.lines():
        if line is None:
            handler.wfile.write(b'10\r\n{"type":"')
            handler.close_connection = True
            return
        data = json.dumps(line).encode() + b"\n"
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        handler.wfile.flush()
    handler.wfile.write(b"0\r\n\r\n")
