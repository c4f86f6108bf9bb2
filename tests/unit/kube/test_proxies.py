# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy that a kubeconfig, an option or the environment names is used, with every version of the `kubernetes` client."""

from __future__ import annotations

import base64
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import NODES, ApiError, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.proxies import bypassed, proxy_for
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

from tests.unit.kube.fake_api import Reply, fake_api, script
from tests.unit.kube.proxy import proxy, tls_api
from tests.unit.kube.test_connection import kubeconfig

OK = Reply(body={"kind": "NodeList"})
UNHEARD_OF = "http://api.nowhere.example:6443"
"""Only the proxy knows the way there."""


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def config_with(server: str, cluster: dict[str, Any], **user: Any) -> dict[str, Any]:
    config = kubeconfig(server, **(user or {"token": "t-1"}))
    config["clusters"][0]["cluster"].update(cluster)
    return config


def asks(config: Any, told: list[str] | None = None, **auth: Any) -> dict[str, Any]:
    cluster = Cluster(Connection({"kubeconfig": config, **auth}, on_secret=(told if told is not None else []).append))
    try:
        return cluster.request("GET", NODES)
    finally:
        cluster.close()


@pytest.mark.parametrize(
    "user", [{"token": "t-1"}, {"username": "joe", "password": "pw"}], ids=["plain", "by the client"]
)
def test_the_proxy_of_a_kubeconfig_is_gone_through(user: dict[str, str]) -> None:
    with fake_api(script(OK)) as api, proxy(api.url) as between:
        answer = asks(config_with(UNHEARD_OF, {"proxy-url": between.url}, **user))
    assert answer == {"kind": "NodeList"}
    assert between.asked == [("GET", UNHEARD_OF + NODES)]


def test_it_is_gone_through_from_a_file_and_again_when_the_file_is_read_anew(tmp_path: Path) -> None:
    with fake_api(script(OK)) as api, proxy(api.url) as between:
        file = tmp_path / "config"
        file.write_text(
            yaml.safe_dump(config_with(UNHEARD_OF, {"proxy-url": between.url}, username="joe", password="pw"))
        )
        connection = Connection({"kubeconfig": str(file)})
        again = connection.renewed(connection.access())
        assert again is not None
        assert again.pool.request("GET", UNHEARD_OF + NODES).status == 200
    assert len(between.asked) == 1


def test_tls_goes_through_it_to_the_api_server_itself(tmp_path: Path) -> None:
    with contextlib.ExitStack() as opened:
        url, ca = opened.enter_context(tls_api(tmp_path, "api.nowhere.example"))
        between = opened.enter_context(proxy(url))
        cluster = {"proxy-url": between.url, "certificate-authority": ca}
        answer = asks(config_with("https://api.nowhere.example:6443", cluster))
    assert answer == {"kind": "NodeList"}
    assert between.asked == [("CONNECT", "api.nowhere.example:6443")]


@pytest.mark.parametrize(
    "user", [{"token": "t-1"}, {"username": "joe", "password": "pw"}], ids=["plain", "by the client"]
)
def test_the_server_name_of_a_kubeconfig_is_the_one_that_the_certificate_is_held_to(
    user: dict[str, str], tmp_path: Path
) -> None:
    with tls_api(tmp_path, "kubernetes.default") as (url, ca):
        with pytest.raises(ApiError, match="certificate verify failed"):
            asks(config_with(url, {"certificate-authority": ca}, **user), validate_certs=True)
        answer = asks(config_with(url, {"certificate-authority": ca, "tls-server-name": "kubernetes.default"}, **user))
    assert answer == {"kind": "NodeList"}


def test_the_environments_proxy_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_api(script(OK)) as api, proxy(api.url) as between:
        monkeypatch.setenv("HTTP_PROXY", between.url)
        asks(config_with(UNHEARD_OF, {}))
        asks(config_with(UNHEARD_OF, {}, username="joe", password="pw"))
    assert len(between.asked) == 2


def test_the_option_wins_over_the_kubeconfig_and_its_exceptions_over_both() -> None:
    with fake_api(script(OK)) as api, proxy(api.url) as wanted, proxy(api.url) as passed_over:
        config = config_with(UNHEARD_OF, {"proxy-url": passed_over.url})
        asks(config, proxy=wanted.url)
        asks(config_with(api.url, {"proxy-url": passed_over.url}), proxy=wanted.url, no_proxy="127.0.0.0/8")
    assert (len(wanted.asked), len(passed_over.asked)) == (1, 0)


def test_user_and_password_in_its_url_are_sent_to_the_proxy_alone_and_masked() -> None:
    told: list[str] = []
    with fake_api(script(OK)) as api, proxy(api.url) as between:
        url = between.url.replace("http://", "http://me:s%40cret-word@")
        asks(config_with(UNHEARD_OF, {"proxy-url": url}), told)
        heard = api.requests[0].headers
    assert between.authorizations == ["Basic " + base64.b64encode(b"me:s@cret-word").decode()]
    assert "proxy-authorization" not in {name.lower() for name in heard}
    assert {"s%40cret-word", "s@cret-word"} <= set(told)


def test_headers_for_the_proxy_are_sent_to_it() -> None:
    with fake_api(script(OK)) as api, proxy(api.url) as between:
        headers = {"proxy_basic_auth": "me:word"}
        asks(config_with(UNHEARD_OF, {"proxy-url": between.url}), proxy_headers=headers)
    assert between.authorizations == ["Basic " + base64.b64encode(b"me:word").decode()]


@pytest.mark.parametrize("url", ["ftp://proxy:21", "proxy.example:3128", "http://"])
def test_a_proxy_that_cannot_be_used_is_refused_by_name(url: str) -> None:
    with pytest.raises(RolloutError, match=r"The proxy .* cannot be used"):
        asks(config_with(UNHEARD_OF, {"proxy-url": url}))


def test_a_password_is_not_in_the_refusal() -> None:
    with pytest.raises(RolloutError) as caught:
        asks(config_with(UNHEARD_OF, {"proxy-url": "ftp://me:secret-word@proxy:21"}))
    assert "secret-word" not in str(caught.value)


ENVIRONMENT = {"https": "http://env:3128", "no": "10.0.0.0/8,.corp.example"}


@pytest.mark.parametrize(
    ("host", "given", "found"),
    [
        ("https://api.example", {}, "http://env:3128"),
        ("http://api.example", {}, None),
        ("https://10.1.2.3:6443", {}, None),
        ("https://api.corp.example", {}, None),
        ("https://127.0.0.1:6443", {}, None),
        ("https://localhost:6443", {}, None),
        ("https://[::1]:6443", {}, None),
        # As clientcmd has it, the exceptions of the environment are those of its own proxy.
        ("https://10.1.2.3:6443", {"kubeconfig": "http://kube:3128"}, "http://kube:3128"),
        ("https://127.0.0.1:6443", {"kubeconfig": "http://kube:3128"}, "http://kube:3128"),
        ("https://10.1.2.3:6443", {"option": "http://option:3128"}, "http://option:3128"),
        ("https://10.1.2.3:6443", {"kubeconfig": "http://kube:3128", "no_proxy": "10.0.0.0/8"}, None),
        ("https://10.1.2.3:6443", {"no_proxy": "other.example"}, "http://env:3128"),
    ],
)
def test_which_proxy_is_used(host: str, given: dict[str, str], found: str | None) -> None:
    asked = {"option": None, "no_proxy": None, "kubeconfig": None, **given}
    assert proxy_for(host, environment=ENVIRONMENT, **asked) == found


@pytest.mark.parametrize(
    ("entries", "host", "is_bypassed"),
    [
        ("example.com", "https://example.com", True),
        ("example.com", "https://api.example.com", True),
        ("example.com", "https://notexample.com", False),
        (".example.com", "https://api.example.com", True),
        ("*.example.com", "https://api.example.com", True),
        ("other, example.com ", "https://EXAMPLE.com", True),
        ("*", "https://anything", True),
        ("", "https://anything", False),
        (",", "https://anything", False),
        ("10.0.0.0/8", "https://10.9.8.7", True),
        ("10.0.0.0/8", "https://11.9.8.7", False),
        ("10.0.0.1", "https://10.0.0.1:6443", True),
        ("fd00::/8", "https://[fd12::1]:6443", True),
        ("[fd12::1]:6443", "https://[fd12::1]:6443", True),
        ("[fd12::1]:443", "https://[fd12::1]:6443", False),
        ("example.com:6443", "https://example.com:6443", True),
        ("example.com:443", "https://example.com:6443", False),
        ("example.com:443", "https://example.com", True),
    ],
)
def test_exceptions_are_names_domains_addresses_networks_and_ports(entries: str, host: str, is_bypassed: bool) -> None:
    assert bypassed(host, entries) == is_bypassed


def test_a_socks_proxy_without_its_library_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks", raising=False)
    monkeypatch.setitem(sys.modules, "socks", None)
    with pytest.raises(RolloutError, match="needs the Python library PySocks"):
        asks(config_with(UNHEARD_OF, {"proxy-url": "socks5://127.0.0.1:1080"}))
