# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials: loaded by the `kubernetes` client, renewed by us. The exec plugins are real programs, the OIDC provider a small one."""

from __future__ import annotations

import base64
import copy
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client_library
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import NODES, ApiError, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.watch import watch
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from kubernetes.config import incluster_config

from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, script, status

OK = Reply(body={"kind": "NodeList"})


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "no-token"))


def kubeconfig(server: str, **user: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def jwt(name: str, life: float) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return ".".join((part({"alg": "none"}), part({"sub": name, "exp": int(time.time() + life)}), "c2ln"))


def plugin(directory: Path, status_code: str) -> dict[str, Any]:
    """An exec plugin, a real program: `number` counts its runs from 1, `status_code` is Python for the credential's status."""
    runs = directory / "runs"
    program = directory / "plugin.py"
    program.write_text(
        "import json, sys, time\n"
        "from datetime import datetime, timedelta, timezone\n"
        f"runs = {str(runs)!r}\n"
        "open(runs, 'a').write('x')\n"
        "number = len(open(runs).read())\n"
        "def soon(seconds):\n"
        "    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%SZ')\n"
        f"status = {status_code}\n"
        "json.dump({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', 'status': status}, sys.stdout)\n"
    )
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(program)],
        "interactiveMode": "Never",
    }


def runs(directory: Path) -> int:
    return len((directory / "runs").read_text())


def tokens(api: FakeApi) -> list[str]:
    return [request.headers.get("authorization", "") for request in api.requests]


def accepting(*accepted: str) -> Callable[[Request, int], Reply]:
    return lambda request, number: (
        OK if request.headers.get("authorization") in accepted else status(401, "Unauthorized", "Unauthorized")
    )


def cluster_with(config: Any, **auth: Any) -> Cluster:
    return Cluster(Connection({"kubeconfig": config, **auth}))


# --- what is loaded


def test_a_kubeconfig_may_be_a_dictionary() -> None:
    with fake_api(script(OK)) as api:
        cluster_with(kubeconfig(api.url, token="t-1")).request("GET", NODES)
    assert tokens(api) == ["Bearer t-1"]


def test_a_kubeconfig_may_be_a_file(tmp_path: Path) -> None:
    with fake_api(script(OK)) as api:
        (tmp_path / "config").write_text(yaml.safe_dump(kubeconfig(api.url, token="t-1")))
        cluster_with(str(tmp_path / "config")).request("GET", NODES)
    assert tokens(api) == ["Bearer t-1"]


def test_the_context_chooses_cluster_and_user() -> None:
    with fake_api(script(OK)) as api:
        config = kubeconfig("http://127.0.0.1:9", token="wrong")
        config["clusters"].append({"name": "other", "cluster": {"server": api.url}})
        config["users"].append({"name": "other", "user": {"token": "right"}})
        config["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "other"}})
        cluster_with(config, context="other").request("GET", NODES)
    assert tokens(api) == ["Bearer right"]


def test_the_cluster_is_called_as_the_kubeconfig_calls_it_whoever_reads_it(tmp_path: Path) -> None:
    config = kubeconfig("https://admin:secret@127.0.0.1:6443/k8s/c-1?x=y", token="t")
    named = {"context": "x", "name": "c", "server": "https://127.0.0.1:6443/k8s/c-1"}
    assert cluster_with(config).address() == named
    config["users"][0]["user"] = plugin(tmp_path, "{'token': 't'}")
    assert cluster_with(config).address() == named


def test_a_context_that_was_asked_for_is_the_one_that_is_told() -> None:
    config = kubeconfig("https://127.0.0.1:6443", token="t")
    config["clusters"].append({"name": "c2", "cluster": {"server": "https://127.0.0.2:6443"}})
    config["contexts"].append({"name": "y", "context": {"cluster": "c2", "user": "u"}})
    assert cluster_with(config, context="y").address() == {
        "context": "y",
        "name": "c2",
        "server": "https://127.0.0.2:6443",
    }


def test_without_a_kubeconfig_or_with_another_host_than_its_own_the_address_is_all_there_is_to_tell() -> None:
    alone = {"context": None, "name": None, "server": "https://127.0.0.3:6443"}
    assert Cluster(Connection({"host": "https://127.0.0.3:6443/", "api_key": "t"})).address() == alone
    config = kubeconfig("https://127.0.0.1:6443", token="t")
    assert cluster_with(config, host="https://127.0.0.3:6443").address() == alone


def test_options_given_by_name_win_over_the_kubeconfig() -> None:
    with fake_api(script(OK)) as api:
        config = kubeconfig("http://127.0.0.1:9", token="wrong")
        cluster_with(config, context="x", host=api.url + "/", api_key="right").request("GET", NODES)
    assert tokens(api) == ["Bearer right"]
    assert api.requests[0].path == NODES


def test_in_a_pod_the_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "ca.crt").write_text("never read over plain HTTP")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    with fake_api(script(OK)) as api:
        host, port = api.url.removeprefix("http://").split(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        # The loader insists on https; the server of this test does not speak it.
        Cluster(Connection({"host": api.url})).request("GET", NODES)
    assert tokens(api) == ["bearer pod-token"]


def test_no_configuration_at_all_is_said_with_the_ways_to_give_one() -> None:
    with pytest.raises(RolloutError, match=r"No kubeconfig at .*no-kubeconfig.*K8S_AUTH_HOST"):
        Connection({})


def test_a_context_that_is_not_there_is_said() -> None:
    with pytest.raises(RolloutError, match=r"The kubeconfig cannot be used: .*nowhere"):
        Connection({"kubeconfig": kubeconfig("http://127.0.0.1:9"), "context": "nowhere"})


def test_an_exec_plugin_that_fails_is_named_with_its_own_words(tmp_path: Path) -> None:
    config = kubeconfig("http://127.0.0.1:9", exec=plugin(tmp_path, "sys.exit('log in first')"))
    with pytest.raises(RolloutError, match=r"The exec plugin .*gave no credential: .*log in first"):
        cluster_with(config).request("GET", NODES)


def test_an_exec_plugin_that_waits_for_somebody_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_library, "LOAD_SECONDS", 0.5)
    config = kubeconfig("http://127.0.0.1:9", exec=plugin(tmp_path, "time.sleep(5)"))
    with pytest.raises(RolloutError, match=r"were not there within 0.5 seconds"):
        cluster_with(config).request("GET", NODES)


def test_credentials_that_come_to_light_are_told_for_masking(tmp_path: Path) -> None:
    secrets: list[str] = []
    config = kubeconfig("http://127.0.0.1:9", exec=plugin(tmp_path, "{'token': 'exec-secret'}"))
    Connection({"kubeconfig": config}, on_secret=secrets.append).access()
    assert "exec-secret" in secrets


# --- renewed on 401


def test_an_exec_credential_is_renewed_when_the_server_refuses_it(tmp_path: Path) -> None:
    with fake_api(accepting("Bearer t-2")) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=plugin(tmp_path, "{'token': f't-{number}'}")))
        cluster.request("GET", NODES)
        cluster.request("GET", NODES)
    assert tokens(api) == ["Bearer t-1", "Bearer t-2", "Bearer t-2"]


def test_a_credential_that_stays_refused_is_renewed_once_a_request(tmp_path: Path) -> None:
    with fake_api(accepting()) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=plugin(tmp_path, "{'token': f't-{number}'}")))
        with pytest.raises(ApiError, match=r"401 Unauthorized.*The credential was not accepted"):
            cluster.request("GET", NODES)
    assert tokens(api) == ["Bearer t-1", "Bearer t-2"]


def test_a_credential_that_cannot_change_is_not_tried_twice() -> None:
    with fake_api(accepting()) as api:
        with pytest.raises(ApiError, match="401"):
            api.cluster().request("GET", NODES)
        assert len(api.requests) == 1


def test_threads_that_are_refused_together_renew_once(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def answer(request: Request, number: int) -> Reply:
        if request.headers["authorization"] == "Bearer t-2":
            return OK
        barrier.wait(5)
        return status(401, "Unauthorized")

    with fake_api(answer) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=plugin(tmp_path, "{'token': f't-{number}'}")))
        threads = [threading.Thread(target=cluster.request, args=("GET", NODES)) for _attempt in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert runs(tmp_path) == 2
    assert sorted(tokens(api)) == ["Bearer t-1"] * 4 + ["Bearer t-2"] * 4


def test_a_token_file_is_read_again_when_the_server_refuses_its_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    with fake_api(accepting("Bearer new")) as api:
        cluster = cluster_with(kubeconfig(api.url, tokenFile=str(tmp_path / "token")))
        with pytest.raises(ApiError, match="401"):
            cluster.request("GET", NODES)
        (tmp_path / "token").write_text("new")
        cluster.request("GET", NODES)


# --- renewed before expiry


def test_an_exec_credential_is_renewed_before_it_expires(tmp_path: Path) -> None:
    exec_plugin = plugin(tmp_path, "{'token': f't-{number}', 'expirationTimestamp': soon(4)}")
    with fake_api(script(OK)) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=exec_plugin))
        cluster.request("GET", NODES)
        cluster.request("GET", NODES)
        time.sleep(3.5)
        cluster.request("GET", NODES)
    assert tokens(api) == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]


def test_a_token_that_says_when_it_expires_is_renewed_before(tmp_path: Path) -> None:
    exec_plugin = plugin(tmp_path, f"{{'token': [{jwt('a', 4)!r}, 't-2'][number - 1]}}")
    with fake_api(script(OK)) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=exec_plugin))
        cluster.request("GET", NODES)
        time.sleep(3.5)
        cluster.request("GET", NODES)
    assert tokens(api)[1] == "Bearer t-2"


def test_a_plugin_that_hands_out_expired_credentials_is_not_run_for_each_request(tmp_path: Path) -> None:
    exec_plugin = plugin(tmp_path, "{'token': f't-{number}', 'expirationTimestamp': soon(-10)}")
    with fake_api(script(OK)) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=exec_plugin))
        for _attempt in range(20):
            cluster.request("GET", NODES)
    assert runs(tmp_path) <= 2


def test_connections_outlive_a_renewal(tmp_path: Path) -> None:
    config = kubeconfig("http://127.0.0.1:9", exec=plugin(tmp_path, "{'token': f't-{number}'}"))
    connection = Connection({"kubeconfig": config})
    first = connection.access()
    second = connection.renewed(first)
    assert second is not None
    assert second.pool is first.pool


def test_a_new_client_certificate_gets_new_connections(tmp_path: Path) -> None:
    exec_plugin = plugin(tmp_path, "{'clientCertificateData': f'certificate {number}', 'clientKeyData': 'key'}")
    config = kubeconfig("https://127.0.0.1:9", exec=exec_plugin)
    connection = Connection({"kubeconfig": config})
    first = connection.access()
    second = connection.renewed(first)
    assert second is not None
    assert second.pool is not first.pool


# --- OIDC


class Provider:
    """A small OIDC provider and an API server that believes it. Each refresh token is good for one use, as with many providers."""

    def __init__(self, life: float) -> None:
        self.life = life
        self.refresh_token = "refresh-0"
        self.issued: list[str] = []
        self.accepted: set[str] = set()
        self.url = ""

    def answer(self, request: Request, number: int) -> Reply:
        if request.path == "/.well-known/openid-configuration":
            return Reply(body={"token_endpoint": self.url + "/token"})
        if request.path == "/token":
            if f"refresh_token={self.refresh_token}" not in str(request.body):
                return Reply(400, {"error": "invalid_grant"})
            return Reply(body=self._next_tokens())
        return accepting(*self.accepted)(request, number)

    def _next_tokens(self) -> dict[str, Any]:
        self.issued.append(jwt(f"issue-{len(self.issued)}", self.life))
        self.accepted = {"Bearer " + self.issued[-1]}
        self.refresh_token = f"refresh-{len(self.issued)}"
        return {
            "token_type": "Bearer",
            "access_token": "unused",
            "id_token": self.issued[-1],
            "refresh_token": self.refresh_token,
        }

    def user(self, id_token: str) -> dict[str, Any]:
        return {
            "auth-provider": {
                "name": "oidc",
                "config": {
                    "client-id": "kubernetes",
                    "client-secret": "client-secret-1",
                    "id-token": id_token,
                    "idp-issuer-url": self.url,
                    "refresh-token": self.refresh_token,
                },
            }
        }


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    made = Provider(life=3600)
    with fake_api(made.answer) as api:
        made.url = api.url
        yield made


def test_an_expired_oidc_token_is_renewed_before_the_first_request(provider: Provider) -> None:
    cluster_with(kubeconfig(provider.url, **provider.user(jwt("old", -10)))).request("GET", NODES)
    assert len(provider.issued) == 1


def test_an_oidc_token_is_renewed_before_it_expires_each_time_with_the_next_refresh_token(provider: Provider) -> None:
    provider.life = 4
    cluster = cluster_with(kubeconfig(provider.url, **provider.user(jwt("old", -10))))
    cluster.request("GET", NODES)
    time.sleep(3.5)
    cluster.request("GET", NODES)
    assert len(provider.issued) == 2


def test_an_oidc_token_that_the_server_refuses_is_renewed_although_it_is_not_expired(provider: Provider) -> None:
    cluster = cluster_with(kubeconfig(provider.url, **provider.user(jwt("signed with a key of yesterday", 3600))))
    cluster.request("GET", NODES)
    assert len(provider.issued) == 1


def test_the_users_own_kubeconfig_dictionary_is_not_changed(provider: Provider) -> None:
    config = kubeconfig(provider.url, **provider.user(jwt("old", -10)))
    before = copy.deepcopy(config)
    cluster_with(config).request("GET", NODES)
    assert config == before


@pytest.mark.parametrize("persist", [True, False])
def test_refresh_tokens_are_written_back_only_on_request(provider: Provider, tmp_path: Path, persist: bool) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(kubeconfig(provider.url, **provider.user(jwt("old", -10)))))
    cluster_with(str(file), persist_config=persist).request("GET", NODES)
    assert ("refresh-1" in file.read_text()) is persist


# --- within a watch


def test_a_watch_goes_on_with_a_renewed_credential(tmp_path: Path) -> None:
    def answer(request: Request, number: int) -> Reply:
        if request.headers["authorization"] == "Bearer t-1" and number > 0:
            return status(401, "Unauthorized")
        item = {"metadata": {"name": f"n-{number}", "resourceVersion": str(number + 1)}}
        return Reply(lines=lambda: iter([{"type": "ADDED", "object": item}]))

    with fake_api(answer) as api:
        cluster = cluster_with(kubeconfig(api.url, exec=plugin(tmp_path, "{'token': f't-{number}'}")))
        events = iter(watch(cluster, NODES, "0", time.monotonic() + 10))
        assert [next(events)[1]["metadata"]["name"] for _attempt in range(2)] == ["n-0", "n-2"]
        assert [request.query["resourceVersion"] for request in api.requests[:3]] == ["0", "1", "1"]
    assert tokens(api)[:3] == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]


def test_a_line_break_at_the_end_of_a_token_is_none_of_it() -> None:
    headers = Connection({"host": "https://127.0.0.3:6443", "api_key": "c2VjcmV0\n"}).access().headers
    assert headers["Authorization"] == "Bearer c2VjcmV0"


@pytest.mark.parametrize("token", ["c2VjcmV0\nLXRva2Vu", "c2VjcmV0\x00", "c2VjcmV0\u2026"])
@pytest.mark.parametrize("given", ["option", "kubeconfig"])
def test_a_token_that_cannot_be_sent_is_refused_without_being_shown(token: str, given: str) -> None:
    loaded = kubeconfig("https://127.0.0.3:6443", token=token)
    auth = (
        {"host": "https://127.0.0.3:6443", "api_key": token}
        if given == "option"
        else {"kubeconfig": loaded, "context": "x"}
    )
    with pytest.raises(RolloutError, match="cannot be sent to an API server") as refused:
        Connection(auth).access()
    assert "c2VjcmV0" not in str(refused.value)
