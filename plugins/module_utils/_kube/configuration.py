# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. From the auth options to a TLS/HTTP pool and the headers that go with it, and anew when credentials run out.

The `kubernetes` client loads the configuration (kubeconfig, in-cluster, token, exec plugins, OIDC) and builds the pool. Our calls
are raw, so they pass by the client's own refresh hook. That hook would not do either: it runs an exec plugin anew on each request
once a token lives for less than five minutes, and it does nothing on a 401. Here one load is one `Access`; the loader is kept and
asked again before the credential expires, and when the server refuses it.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable

from .._rollout.errors import RolloutError

try:
    import urllib3
    from kubernetes import config as kubernetes_config
    from kubernetes.client import Configuration
    from kubernetes.client.rest import RESTClientObject
    from kubernetes.config.kube_config import (
        KUBE_CONFIG_DEFAULT_LOCATION,
        ConfigNode,
        KubeConfigLoader,
        KubeConfigMerger,
    )
except ImportError as missing:
    MISSING_LIBRARY: ImportError | None = missing
else:
    MISSING_LIBRARY = None

RENEW_BEFORE_EXPIRY = 300.0
"""Seconds; for a short-lived credential a fifth of its life."""
RENEW_INTERVAL = 1.0
"""Seconds between two renewals without a refusal: a plugin that hands out nearly expired tokens is not run for each request."""
POOL_ATTRIBUTES = ("host", "verify_ssl", "ssl_ca_cert", "cert_file", "key_file", "proxy", "no_proxy", "tls_server_name")


@dataclass(frozen=True)
class Access:
    """How to send a request: pool, server, headers; good until `renew_at` (monotonic), for ever when that is null."""

    pool: urllib3.PoolManager
    host: str
    headers: dict[str, Any]
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
        self._load, self._renewable = _loader(auth)
        self._lock = threading.Lock()
        self._access: Access | None = None
        self._pool_key: tuple[Any, ...] = ()

    def access(self) -> Access:
        """The Access to use now, renewed when it is about to expire."""
        current = self._access
        if current is not None and (current.renew_at is None or time.monotonic() < current.renew_at):
            return current
        with self._lock:
            if self._access is current:
                self._access = self._loaded(refused=False)
            return self._access  # type: ignore[return-value]

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
            expiry = expiry or _jwt_expiry(authorization)
        headers = _impersonation(self._auth)
        if authorization:
            headers["Authorization"] = authorization
        return Access(self._pool(settings), settings.host.rstrip("/"), headers, self._renewal_instant(expiry))

    def _renewal_instant(self, expiry: float | None) -> float | None:
        if expiry is None or not self._renewable:
            return None
        life = expiry - time.time()
        return time.monotonic() + max(RENEW_INTERVAL, life - min(RENEW_BEFORE_EXPIRY, life / 5))

    def _pool(self, settings: Configuration) -> urllib3.PoolManager:
        key = tuple(getattr(settings, name, None) for name in POOL_ATTRIBUTES)
        if self._access is not None and key == self._pool_key:
            return self._access.pool
        self._pool_key = key
        settings.connection_pool_maxsize = self._pool_size
        # Long watches through a load balancer; older clients do not know the attribute and ignore it.
        settings.keep_alive = True
        if not settings.verify_ssl:
            # The user asked for it; a warning per request would bury everything else.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        pool: urllib3.PoolManager = RESTClientObject(settings).pool_manager
        return pool


Load = Callable[[bool], "tuple[Configuration, float | None]"]


def _loader(auth: dict[str, Any]) -> tuple[Load, bool]:
    """How to load this configuration, in kubernetes.core's order, and whether loading it again may give another credential."""
    if auth.get("host") and (
        auth.get("api_key")
        or (auth.get("username") and auth.get("password"))
        or (auth.get("client_cert") and auth.get("client_key"))
    ):
        return (lambda refused: (Configuration(), None)), False
    if not auth.get("kubeconfig") and not auth.get("context") and _in_cluster():
        return _load_in_cluster, True
    return _KubeconfigLoader(auth), not auth.get("api_key")


def _in_cluster() -> bool:
    try:
        kubernetes_config.load_incluster_config(client_configuration=Configuration())
    except kubernetes_config.ConfigException:
        return False
    return True


def _load_in_cluster(refused: bool) -> tuple[Configuration, float | None]:
    settings = Configuration()
    # Reads the token file anew: the kubelet replaces it long before it expires.
    kubernetes_config.load_incluster_config(client_configuration=settings)
    return settings, None


class _KubeconfigLoader:
    """Keeps the client's loader, because an OIDC provider may accept a refresh token once only and the loader holds the next one."""

    def __init__(self, auth: dict[str, Any]):
        source = auth.get("kubeconfig")
        persister = None
        try:
            if isinstance(source, dict):
                self._config = ConfigNode("kubeconfig", copy.deepcopy(source))
            else:
                merger = KubeConfigMerger(source or KUBE_CONFIG_DEFAULT_LOCATION)
                if merger.config is None:
                    raise RolloutError(
                        "No kubeconfig at {0}, and this is not a pod of the cluster. Give `kubeconfig`, or `host` and `api_key` "
                        "(K8S_AUTH_KUBECONFIG, or K8S_AUTH_HOST and K8S_AUTH_API_KEY).".format(
                            source or KUBE_CONFIG_DEFAULT_LOCATION
                        )
                    )
                self._config = merger.config
                persister = merger.save_changes if auth.get("persist_config") else None
            self._loader = KubeConfigLoader(
                config_dict=self._config,
                active_context=auth.get("context"),
                config_base_path=None,
                config_persister=persister,
            )
            self._user = self._find_user(auth.get("context") or self._config["current-context"])
        except (kubernetes_config.ConfigException, OSError, ValueError) as error:
            raise RolloutError("The kubeconfig cannot be used: {0}".format(error)) from error

    def __call__(self, refused: bool) -> tuple[Configuration, float | None]:
        if refused:
            self._expire_id_token()
        settings = Configuration()
        try:
            with _LoggedErrors() as complaints:
                self._loader.load_and_set(settings)
        except (kubernetes_config.ConfigException, OSError, ValueError, KeyError) as error:
            raise RolloutError("The kubeconfig cannot be used: {0}".format(error)) from error
        if "exec" in self._user and not settings.api_key and not settings.cert_file:
            raise RolloutError(
                "The exec plugin {0!r} of the kubeconfig gave no credential: {1}".format(
                    self._user["exec"].get("command"),
                    "; ".join(complaints.messages) or "no token and no certificate in its answer",
                )
            )
        expiry = getattr(self._loader, "expiry", None)
        return settings, expiry.timestamp() if expiry is not None else None

    def _find_user(self, context: str) -> dict[str, Any]:
        name = self._config["contexts"].get_with_name(context)["context"].safe_get("user")
        if not name or not self._config.safe_get("users"):
            return {}
        user = self._config["users"].get_with_name(name, safe=True)
        return user["user"].value if user and user.safe_get("user") else {}

    def _expire_id_token(self) -> None:
        """Make the loader fetch a new OIDC token although the old one is not expired by this machine's clock."""
        provider = self._user.get("auth-provider") or {}
        if provider.get("name") == "oidc" and provider.get("config", {}).get("refresh-token"):
            expired = base64.urlsafe_b64encode(json.dumps({"exp": 1}).encode()).decode().rstrip("=")
            provider["config"]["id-token"] = "e30." + expired + ".refused"


class _LoggedErrors(logging.Handler):
    """The client's loader logs what went wrong with an exec plugin instead of raising it."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def __enter__(self) -> _LoggedErrors:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger().removeHandler(self)


def _override(settings: Configuration, auth: dict[str, Any]) -> None:
    """Options given by name win over what was loaded."""
    for attribute, option in (
        ("host", "host"),
        ("verify_ssl", "validate_certs"),
        ("ssl_ca_cert", "ca_cert"),
        ("cert_file", "client_cert"),
        ("key_file", "client_key"),
        ("proxy", "proxy"),
        ("no_proxy", "no_proxy"),
    ):
        if auth.get(option) is not None:
            setattr(settings, attribute, auth[option])
    if auth.get("proxy_headers"):
        settings.proxy_headers = urllib3.util.make_headers(**auth["proxy_headers"])


def _authorization(settings: Configuration, auth: dict[str, Any]) -> str | None:
    if auth.get("api_key"):
        return "Bearer {api_key}".format(**auth)
    # `authorization` in older clients.
    loaded = settings.api_key.get("BearerToken") or settings.api_key.get("authorization")
    if loaded:
        return str(loaded).strip()
    if auth.get("username") and auth.get("password"):
        return str(urllib3.util.make_headers(basic_auth="{username}:{password}".format(**auth))["authorization"])
    return None


def _impersonation(auth: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if auth.get("impersonate_user"):
        headers["Impersonate-User"] = auth["impersonate_user"]
    if auth.get("impersonate_groups"):
        # One header a group; client.Cluster spreads the list.
        headers["Impersonate-Group"] = list(auth["impersonate_groups"])
    return headers


def _jwt_expiry(authorization: str) -> float | None:
    """When a bearer token says that it expires. The server judges the token; this only tells when to ask for the next."""
    parts = authorization.split()[-1].split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
