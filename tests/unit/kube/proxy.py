# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A forwarding HTTP proxy on loopback, and an API server behind TLS: both real, so that no client can pretend to use them."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import trustme


@dataclass
class Proxy:
    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and target of each request: `CONNECT` and host:port for TLS, else the whole URL."""
    authorizations: list[str | None] = field(default_factory=list)


@contextmanager
def proxy(to: str) -> Iterator[Proxy]:
    """Takes whatever it is asked for to the server at this URL: so the name that is asked for need not exist."""
    target = urlsplit(to)
    assert target.hostname is not None
    assert target.port is not None
    address = (target.hostname, target.port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self._note()
            with socket.create_connection(address) as there:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_copied, args=(there, self.connection), daemon=True)
                back.start()
                _copied(self.connection, there)
                back.join(5)
            self.close_connection = True

        def do_GET(self) -> None:
            self._note()
            path = urlsplit(self.path).path
            with socket.create_connection(address) as there:
                lines = [
                    f"{name}: {value}" for name, value in self.headers.items() if not name.lower().startswith("proxy-")
                ]
                there.sendall("\r\n".join([f"GET {path} HTTP/1.0", *lines, "", ""]).encode())
                _copied(there, self.connection)
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

        def _note(self) -> None:
            seen.asked.append((self.command, self.path))
            seen.authorizations.append(self.headers.get("Proxy-Authorization"))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen = Proxy(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tls_api(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """The URL of an API server on loopback whose certificate is for this name alone, and the file of its authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"kind": "NodeList"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", str(folder / "ca.crt")
    finally:
        server.shutdown()
        server.server_close()


def _copied(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
