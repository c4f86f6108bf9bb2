# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubeconfig says that the `kubernetes` client passes over is done as kubectl does it, or refused by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client_library
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import NODES, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

from tests.unit.kube.fake_api import Reply, Request, fake_api, script
from tests.unit.kube.test_connection import kubeconfig

OK = Reply(body={"kind": "NodeList"})
PASSWORD = {"username": "joe", "password": "pw"}
"""A user whom only the client can read."""
WHOM = {
    "as": "auditor",
    "as-uid": "1234",
    "as-groups": ["readers", "on-call"],
    "as-user-extra": {"example.com/reason": ["ticket 7", "night"]},
}


def heard(user: dict[str, Any], **auth: Any) -> Request:
    """The request that the API server gets."""
    with fake_api(script(OK)) as api:
        cluster = Cluster(Connection({"kubeconfig": kubeconfig(api.url, **user), **auth}))
        cluster.request("GET", NODES)
        cluster.close()
        return api.requests[0]


def refusal(user: dict[str, Any]) -> str:
    with pytest.raises(RolloutError) as caught:
        Connection({"kubeconfig": kubeconfig("http://127.0.0.1:9", **user)}).access()
    return str(caught.value)


@pytest.mark.parametrize("credential", [{"token": "t-1"}, PASSWORD], ids=["plain", "by the client"])
def test_who_is_to_be_impersonated_is_impersonated(credential: dict[str, str]) -> None:
    headers = heard({**credential, **WHOM}).headers
    assert headers["impersonate-user"] == "auditor"
    assert headers["impersonate-uid"] == "1234"
    assert headers["impersonate-group"] == "readers, on-call"  # one header each, as the fake server joins them
    assert headers["impersonate-extra-example.com%2freason"] == "ticket 7, night"


def test_options_win_over_the_kubeconfig_one_by_one() -> None:
    headers = heard({"token": "t-1", **WHOM}, impersonate_user="somebody")
    assert headers.headers["impersonate-user"] == "somebody"
    assert headers.headers["impersonate-group"] == "readers, on-call"


@pytest.mark.parametrize("credential", [{"token": "t-1"}, PASSWORD], ids=["plain", "by the client"])
def test_groups_without_a_user_are_refused_as_kubectl_does(credential: dict[str, str]) -> None:
    said = refusal({**credential, "as-groups": ["system:masters"]})
    assert "as-groups without `as`" in said


@pytest.mark.parametrize("way", ["plain", "by the client"])
def test_the_file_of_a_token_wins_over_the_token_beside_it(way: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("newer\n")
    with fake_api(script(OK)) as api:
        config = kubeconfig(api.url, token="older", tokenFile="token")
        if way == "by the client":
            config["clusters"][0]["cluster"]["a-key-of-a-later-version"] = True
        file = tmp_path / "config"
        file.write_text(yaml.safe_dump(config))
        access = Connection({"kubeconfig": str(file)}).access()
    assert access.headers["Authorization"] == "Bearer newer"


@pytest.mark.parametrize("way", ["plain", "by the client"])
def test_a_token_whose_file_is_gone_is_used(way: str, tmp_path: Path) -> None:
    user = {"token": "older", "tokenFile": str(tmp_path / "nowhere"), **({} if way == "plain" else {"new": 1})}
    assert heard(user).headers["authorization"] == "Bearer older"


def test_a_plugin_that_needs_a_terminal_is_not_waited_for() -> None:
    said = refusal({"exec": {"command": "log-me-in", "interactiveMode": "Always"}})
    assert "'log-me-in' of the kubeconfig needs a terminal (interactiveMode: Always)" in said


def told_of_the_cluster(tmp_path: Path) -> dict[str, Any]:
    """An exec plugin whose token is the server that it was told of."""
    program = tmp_path / "plugin.py"
    program.write_text(
        "import json, os\n"
        "spec = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']\n"
        "status = {'token': spec['cluster']['server'].replace(':', '-').replace('/', '-')}\n"
        "kind = {'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential'}\n"
        "print(json.dumps({**kind, 'status': status}))\n"
    )
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(program)],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }


def test_a_plugin_is_told_of_the_cluster_or_the_clients_version_is_named(tmp_path: Path) -> None:
    user = {"exec": told_of_the_cluster(tmp_path)}
    if client_library.gives_cluster_info():
        assert heard(user).headers["authorization"].startswith("Bearer http---127.0.0.1-")
    else:
        assert "install version 32 or newer" in refusal(user)


def test_a_client_that_does_not_tell_a_plugin_of_the_cluster_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_library, "gives_cluster_info", lambda: False)
    said = refusal({"exec": told_of_the_cluster(tmp_path)})
    assert "provideClusterInfo" in said
    assert json.dumps(sys.executable)[1:-1] in said


def test_a_provider_that_the_client_does_not_know_is_named_and_nobody_asks_as_anonymous() -> None:
    said = refusal({"auth-provider": {"name": "tectonic", "config": {}}})
    assert "auth-provider 'tectonic' of the kubeconfig gave no credential" in said


def test_compression_that_is_not_wanted_is_not_asked_for() -> None:
    with fake_api(script(OK)) as api:
        config = kubeconfig(api.url, token="t-1")
        config["clusters"][0]["cluster"]["disable-compression"] = True
        Cluster(Connection({"kubeconfig": config})).request("GET", NODES)
    assert api.requests[0].headers.get("accept-encoding", "identity") == "identity"
