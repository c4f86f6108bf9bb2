# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The TLS/HTTP connections to an API server, opened alike with every version of the `kubernetes` client."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .proxies import proxied_pool

with contextlib.suppress(ImportError):  # client.connected() reports the missing library
    import urllib3

if TYPE_CHECKING:
    from kubernetes.client import Configuration

KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 9))
"""client-go's. A load balancer drops a silent watch, and neither side would notice."""


def pool_of(
    settings: Configuration, size: int, proxy: str | None, proxy_headers: Mapping[str, str]
) -> urllib3.PoolManager:
    """Connections as a client of today opens them, whichever is installed."""
    options: dict[str, Any] = {
        "cert_reqs": "CERT_REQUIRED" if settings.verify_ssl else "CERT_NONE",
        "ca_certs": settings.ssl_ca_cert,
        "cert_file": settings.cert_file,
        "key_file": settings.key_file,
        "maxsize": size,
        "socket_options": [*urllib3.connection.HTTPConnection.default_socket_options, *_keepalive()],
    }
    server_name = getattr(settings, "tls_server_name", None)
    if server_name:
        options["server_hostname"] = server_name
    return proxied_pool(proxy, proxy_headers, options) if proxy else urllib3.PoolManager(**options)


def _keepalive() -> list[tuple[int, int, int]]:
    # Not every platform has all three.
    timings = [(getattr(socket, name, None), seconds) for name, seconds in KEEPALIVE]
    known = [(socket.IPPROTO_TCP, option, seconds) for option, seconds in timings if option is not None]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *known]
