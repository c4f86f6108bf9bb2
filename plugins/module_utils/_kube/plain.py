# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Credentials that stand written where they are used: a token or a client certificate, no program and no provider to ask.

Importing the `kubernetes` client costs more than all else before a module's first request (measured: 0.48 of 0.88 seconds of CPU). It
does little for such a configuration. So it is read here, into what the client would have made of it; tests hold the two next to each
other. Whatever is not as plain as this is left to the client, mistakes in the file included.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .kubeconfig_fields import IMPERSONATION, read_fields, token_file_content
from .proxies import proxied_pool

try:
    import urllib3
    import yaml
except ImportError as missing:  # they come with the client; client.connected() reports it
    MISSING_LIBRARY: ImportError | None = missing
else:
    MISSING_LIBRARY = None

CLUSTER_KEYS = frozenset(
    (
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "proxy-url",
        # Nothing is compressed on our connections anyway.
        "disable-compression",
        "extensions",
    )
)
USER_KEYS = frozenset(
    (
        "token",
        "tokenFile",
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        *IMPERSONATION,
        "extensions",
    )
)
KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 9))
"""client-go's. A load balancer drops a silent watch, and neither side would notice."""


@dataclass
class Settings:
    """The part of kubernetes.client.Configuration that a connection needs, under the same names."""

    host: str = "http://localhost"
    verify_ssl: bool = True
    ssl_ca_cert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    tls_server_name: str | None = None
    proxy: str | None = None
    """The kubeconfig's own; what is used in the end, see proxies.proxy_for."""
    api_key: dict[str, str] = field(default_factory=dict)
    impersonation: dict[str, Any] = field(default_factory=dict)
    """Headers. The client has no place for them either."""
    context: str | None = None
    cluster: str | None = None
    """The names of context and cluster, for people. The client has no place for them: its loader adds them to what it loads."""


def plain_settings(kubeconfig: str | Mapping[str, Any], context: str | None) -> Settings | None:
    """What a kubeconfig says, null where the client has to read it. A file is read anew each time: tokens in it are replaced."""
    folder = ""
    if isinstance(kubeconfig, str):
        path = os.path.expanduser(kubeconfig)
        folder = os.path.dirname(os.path.abspath(path))
        try:
            with open(path, encoding="utf-8") as file:
                kubeconfig = yaml.safe_load(file)
        except (OSError, ValueError, yaml.YAMLError):
            return None  # several files joined by a colon, too
    try:
        return _settings(kubeconfig, context, folder)
    except (_NotPlain, OSError, ValueError):
        return None


def pool_of(settings: Any, size: int, proxy: str | None, proxy_headers: Mapping[str, str]) -> urllib3.PoolManager:
    """Connections as a client of today opens them, whichever is installed.

    :param settings: Settings, or the client's Configuration
    """
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


class _NotPlain(Exception):
    """The client has to look at this."""


def _settings(config: Any, context: str | None, folder: str) -> Settings:
    context = context or _get(config, "current-context")
    chosen = _named(config, "contexts", context)["context"]
    cluster = _named(config, "clusters", _get(chosen, "cluster"))["cluster"]
    user = _named(config, "users", _get(chosen, "user"))["user"]
    if not set(cluster) <= CLUSTER_KEYS or not set(user) <= USER_KEYS:
        raise _NotPlain
    settings = Settings(host=_text(cluster, "server").rstrip("/"), context=context, cluster=chosen["cluster"])
    if settings.host.startswith("https"):
        settings.ssl_ca_cert = _file(cluster, "certificate-authority", folder)
        settings.cert_file = _file(user, "client-certificate", folder)
        settings.key_file = _file(user, "client-key", folder)
    if "insecure-skip-tls-verify" in cluster:
        settings.verify_ssl = not cluster["insecure-skip-tls-verify"]
    fields = read_fields(cluster, user)
    settings.proxy, settings.tls_server_name = fields.proxy, fields.tls_server_name
    settings.impersonation = fields.impersonation
    token = _token(user, folder)
    if token:
        settings.api_key["BearerToken"] = "Bearer " + token
    return settings


def _get(node: Any, key: str) -> Any:
    if not isinstance(node, Mapping) or node.get(key) is None:
        raise _NotPlain
    return node[key]


def _text(node: Mapping[str, Any], key: str) -> str:
    value = _get(node, key)
    if not isinstance(value, str) or not value:
        raise _NotPlain
    return value


def _named(config: Any, kind: str, name: Any) -> Any:
    """The one entry of that name; its content is a mapping."""
    entries = _get(config, kind)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise _NotPlain
    found = [entry for entry in entries if entry.get("name") == name]
    if len(found) != 1 or not isinstance(found[0].get(kind[:-1]), Mapping):
        raise _NotPlain
    return found[0]


def _token(user: Mapping[str, Any], folder: str) -> str | None:
    if "token" in user:
        return token_file_content(user, folder) or _text(user, "token")
    if "tokenFile" not in user:
        return None
    with open(os.path.join(folder, _text(user, "tokenFile")), encoding="utf-8") as file:
        return file.read()


def _file(node: Mapping[str, Any], key: str, folder: str) -> str | None:
    """The name of a file that holds what the entry holds, or names."""
    if key + "-data" in node:
        try:
            return _temporary(base64.standard_b64decode(_text(node, key + "-data")))
        except binascii.Error:
            raise _NotPlain from None
    if key not in node:
        return None
    path = os.path.normpath(os.path.join(folder, _text(node, key)))
    if not os.path.isfile(path):
        raise _NotPlain
    return path


_temporary_files: dict[bytes, str] = {}


def _temporary(content: bytes) -> str:
    """Python's TLS reads client keys from files only. Readable by this user alone, gone when the process ends."""
    known = _temporary_files.get(content)
    if known is None or not os.path.isfile(known):
        handle, name = tempfile.mkstemp()
        atexit.register(_remove, name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        _temporary_files[content] = name
    return _temporary_files[content]


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)


def _keepalive() -> list[tuple[int, int, int]]:
    # Not every platform has all three.
    timings = [(getattr(socket, name, None), seconds) for name, seconds in KEEPALIVE]
    known = [(socket.IPPROTO_TCP, option, seconds) for option, seconds in timings if option is not None]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *known]
