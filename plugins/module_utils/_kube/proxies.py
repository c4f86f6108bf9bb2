# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The proxy on the way to the API server: which one, and the connections through it.

Decided here, because versions of the `kubernetes` client differ. Before 37 it ignores a kubeconfig's `proxy-url` (its kube_config.py),
and before 34 the environment's proxies too (its configuration.py). Who does not go through the proxy that was named may end at another
cluster, or at none.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies

from .._rollout.errors import RolloutError

with contextlib.suppress(ImportError):  # client.connected() reports the missing library
    import urllib3

SOCKS = frozenset(("socks4", "socks4a", "socks5", "socks5h"))
SCHEMES = frozenset(("http", "https")) | SOCKS


def proxy_for(
    host: str, *, option: str | None, no_proxy: str | None, kubeconfig: str | None, environment: Mapping[str, str]
) -> str | None:
    """The URL of the proxy to this API server, null where it is reached without one. What the user names wins.

    As in client-go, the environment's exceptions do not apply to a kubeconfig's proxy (clientcmd's ClientConfig). The environment's proxy
    is not used for this machine itself (httpproxy's useProxy).

    :param host: URL of the API server
    :param no_proxy: the option, which counts for any proxy
    :param environment: urllib's getproxies()
    """
    if no_proxy is not None and bypassed(host, no_proxy):
        return None
    if option or kubeconfig:
        return option or kubeconfig
    address = urlsplit(host)
    found = environment.get(address.scheme) or environment.get("all")
    if not found or _is_loopback(address.hostname or ""):
        return None
    return None if no_proxy is None and bypassed(host, environment.get("no", "")) else found


def environment_proxies() -> dict[str, str]:
    return getproxies()


def bypassed(host: str, no_proxy: str) -> bool:
    """Whether comma separated hosts, domains, addresses, CIDRs or `*`, with or without a port, have this URL's host among them."""
    address = urlsplit(host)
    name = (address.hostname or "").lower()
    port = address.port or (443 if address.scheme == "https" else 80)
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        wanted, only_port = _entry(entry)
        if not wanted or (only_port and only_port != str(port)):
            continue
        domain = wanted.lstrip("*").lstrip(".")
        if wanted == "*" or (domain and (name == domain or name.endswith("." + domain))) or _within(name, wanted):
            return True
    return False


def proxied_pool(proxy: str, headers: Mapping[str, str], options: Mapping[str, Any]) -> urllib3.PoolManager:
    """Connections through the proxy; RolloutError where it cannot be used.

    :param headers: for the proxy alone
    :param options: of the pool without one
    """
    address = urlsplit(proxy)
    if address.scheme.lower() not in SCHEMES or not address.hostname:
        raise RolloutError(
            f"The proxy {shown(proxy)!r} cannot be used: its URL begins with one of http://, https:// and socks5://, "
            "and has a host. See `proxy`, the kubeconfig's proxy-url, or the environment."
        )
    if address.scheme.lower() in SOCKS:
        try:
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError as error:
            raise RolloutError(
                f"The proxy {shown(proxy)!r} speaks SOCKS, which needs the Python library PySocks where the module "
                "runs."
            ) from error
        return SOCKSProxyManager(proxy, **options)
    given = {**credentials_of(proxy), **headers}
    return urllib3.ProxyManager(_bare(proxy), proxy_headers=given or None, **options)


def credentials_of(proxy: str) -> dict[str, str]:
    """The header that user name and password in the URL stand for: urllib3 sends none of its own accord, client-go does."""
    address = urlsplit(proxy)
    if address.username is None:
        return {}
    pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
    return dict(urllib3.util.make_headers(proxy_basic_auth=pair))


def secrets_in(proxy: str) -> list[str]:
    """Its parts that must not be shown."""
    password = urlsplit(proxy).password
    return [*({password, unquote(password)} if password else ()), *credentials_of(proxy).values()]


def shown(proxy: str) -> str:
    return _bare(proxy)


def _bare(proxy: str) -> str:
    address = urlsplit(proxy)
    return urlunsplit((address.scheme, address.netloc.rpartition("@")[2], address.path, "", ""))


def _entry(entry: str) -> tuple[str, str]:
    """Host and port; an IPv6 address has colons of its own."""
    if entry.startswith("["):
        host, _bracket, rest = entry[1:].partition("]")
        return host, rest.lstrip(":")
    if entry.count(":") == 1:
        host, _colon, port = entry.partition(":")
        return host, port
    return entry, ""


def _within(name: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
