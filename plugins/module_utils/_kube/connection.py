# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. From the auth options to a TLS/HTTP pool and the headers that go with it, and anew when credentials run out.

The `kubernetes` client loads the configuration. The pool is ours, so that proxy and server name do not depend on the client's version.
Our calls are raw, so they pass by the client's own refresh hook. That hook would not do either. It runs an exec plugin on each request
once a token lives for less than five minutes, and ignores a 401. Here one load is one `Access`; the loader is kept, and loads again
before the credential expires and when the server refuses it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import urlsplit, urlunsplit

from .._rollout.documents import ClusterAddress
from .._rollout.errors import RolloutError
from .client_library import loader_for
from .pool import pool_of
from .proxies import environment_proxies, proxy_for, secrets_in

with contextlib.suppress(ImportError):  # client.connected() reports the missing library
    import urllib3

if TYPE_CHECKING:
    from kubernetes.client import Configuration

RENEW_BEFORE_EXPIRY = 300.0
"""Seconds; for a short-lived credential a fifth of its life."""
RENEW_INTERVAL = 1.0
"""Seconds between two renewals without a refusal: a plugin that hands out nearly expired tokens is not run for each request."""
POOL_ATTRIBUTES = ("host", "verify_ssl", "ssl_ca_cert", "cert_file", "key_file", "tls_server_name")


@dataclass(frozen=True)
class Access:
    """How to send a request: pool, server, headers; good until `renew_at` (monotonic), for ever when that is null."""

    pool: urllib3.PoolManager
    host: str
    headers: dict[str, Any]
    cluster: ClusterAddress
    renew_at: float | None


class Connection:
    """The current Access of a set of auth options. Threads share it."""

    def __init__(
        self, auth: dict[str, Any], *, pool_size: int = 16, on_secret: Callable[[str], object] = lambda secret: None
    ):
        """
        :param auth: values of argspec.AUTH_OPTIONS
        :param pool_size: connections kept open at once
        :param on_secret: told every credential that a load brought to light
        """
        self._auth = auth
        self._pool_size = pool_size
        self._on_secret = on_secret
        self._load, self._renewable = loader_for(auth)
        self._lock = threading.Lock()
        self._access: Access | None = None
        self._pool_key: tuple[Any, ...] = ()

    def access(self) -> Access:
        """The Access to use now, renewed when it is about to expire."""
        current = self._access
        if current is not None and (current.renew_at is None or time.monotonic() < current.renew_at):
            return current
        with self._lock:
            access = self._access
            if access is None or access is current:
                access = self._access = self._loaded(refused=False)
            return access

    def renewed(self, refused: Access) -> Access | None:
        """The Access to use instead of one that the server answered with 401; null when no other can be had."""
        if not self._renewable:
            return None
        with self._lock:
            if self._access is refused:
                self._access = self._loaded(refused=True)
            return self._access

    def close(self) -> None:
        if self._access is not None:
            self._access.pool.clear()

    def _loaded(self, refused: bool) -> Access:
        settings, expiry = self._load(refused)
        _override(settings, self._auth)
        authorization = _authorization(settings, self._auth)
        if authorization:
            self._on_secret(authorization)
            self._on_secret(authorization.split(None, 1)[-1])
            _refuse_unsendable(authorization)
            expiry = expiry or _jwt_expiry(authorization)
        proxy = proxy_for(
            settings.host,
            option=self._auth.get("proxy"),
            no_proxy=self._auth.get("no_proxy"),
            kubeconfig=settings.proxy,
            environment=environment_proxies(),
        )
        for secret in secrets_in(proxy) if proxy else ():
            self._on_secret(secret)
        headers = {**getattr(settings, "impersonation", {}), **_impersonation(self._auth)}
        if authorization:
            headers["Authorization"] = authorization
        name = _cluster_name(settings, self._auth)
        return Access(
            self._pool(settings, proxy), settings.host.rstrip("/"), headers, name, self._renewal_instant(expiry)
        )

    def _renewal_instant(self, expiry: float | None) -> float | None:
        if expiry is None or not self._renewable:
            return None
        life = expiry - time.time()
        return time.monotonic() + max(RENEW_INTERVAL, life - min(RENEW_BEFORE_EXPIRY, life / 5))

    def _pool(self, settings: Configuration, proxy: str | None) -> urllib3.PoolManager:
        key = (proxy, *(getattr(settings, name, None) for name in POOL_ATTRIBUTES))
        if self._access is not None and key == self._pool_key:
            return self._access.pool
        self._pool_key = key
        if not settings.verify_ssl:
            # The user chose it; a warning per request would bury everything else.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        given = self._auth.get("proxy_headers")
        return pool_of(settings, self._pool_size, proxy, urllib3.util.make_headers(**given) if given else {})


def _cluster_name(settings: Configuration, auth: dict[str, Any]) -> ClusterAddress:
    """As the kubeconfig calls the cluster, and where it is; without the credentials that an address may hold."""
    address = urlsplit(settings.host.rstrip("/"))
    # With another host than its own, the kubeconfig's names are those of another cluster.
    elsewhere = auth.get("host") is not None
    return {
        "context": None if elsewhere else getattr(settings, "context", None),
        "name": None if elsewhere else getattr(settings, "cluster", None),
        "server": urlunsplit((address.scheme, address.netloc.rpartition("@")[2], address.path, "", "")),
    }


def _override(settings: Configuration, auth: dict[str, Any]) -> None:
    """Options given by name win over what was loaded."""
    for attribute, option in (
        ("host", "host"),
        ("verify_ssl", "validate_certs"),
        ("ssl_ca_cert", "ca_cert"),
        ("cert_file", "client_cert"),
        ("key_file", "client_key"),
    ):
        if auth.get(option) is not None:
            setattr(settings, attribute, auth[option])


def _authorization(settings: Configuration, auth: dict[str, Any]) -> str | None:
    if auth.get("api_key"):
        # The file that it was read from may end in a line break, as may what is loaded.
        return f"Bearer {auth['api_key'].strip()}"
    # `authorization` in older clients.
    loaded = settings.api_key.get("BearerToken") or settings.api_key.get("authorization")
    if loaded:
        return str(loaded).strip()
    if auth.get("username") and auth.get("password"):
        return str(urllib3.util.make_headers(basic_auth=f"{auth['username']}:{auth['password']}")["authorization"])
    return None


def _refuse_unsendable(authorization: str) -> None:
    """Before http.client does, whose error shows the header, and so the credential."""
    if not (authorization.isascii() and authorization.isprintable()):
        raise RolloutError(
            "The credential has a line break or another character that cannot be sent to an API server. See `api_key`, or the token "
            "of the kubeconfig: most often more was copied than the token, or it was broken into lines."
        )


def _impersonation(auth: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if auth.get("impersonate_user"):
        headers["Impersonate-User"] = auth["impersonate_user"]
    if auth.get("impersonate_groups"):
        # One header a group; client.Cluster spreads the list.
        headers["Impersonate-Group"] = list(auth["impersonate_groups"])
    return headers


def _jwt_expiry(authorization: str) -> float | None:
    """When a bearer token says that it expires. The server judges the token; this only says when to load the next."""
    parts = authorization.split()[-1].split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
