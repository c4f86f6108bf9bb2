# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules end when the API cannot be used: with a sentence for the user, and without a secret in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible.module_utils.testing", reason="ansible-core before 2.17 has no patch_module_args")

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client
from ansible_collections.calico_ops.rollout.plugins.modules import node_labels

from tests.unit.kube.fake_api import Reply, Request, fake_api, script, status
from tests.unit.kube.test_connection import kubeconfig, plugin

SECRET = "c2VjcmV0LXRva2Vu"
OTHER = "b3RoZXItc2VjcmV0"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """node_labels with these options; what it returned."""

    def call(**options: Any) -> dict[str, Any]:
        # Older cores, and newer ones on request, return the module's arguments too.
        options = {"nodes": ["n-0"], "labels": {"x": "1"}, "_ansible_inject_invocation": True, **options}
        with patch_module_args(options), pytest.raises(SystemExit):
            node_labels.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_a_missing_library_is_named_with_the_way_to_get_it(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MISSING_LIBRARY", ImportError("No module named 'urllib3'"))
    result = run(host="http://127.0.0.1:9", api_key=SECRET)
    assert result["failed"]
    assert "Failed to import the required Python library (kubernetes)" in result["msg"]


def test_a_refusal_ends_the_module_with_the_servers_words_and_its_code(run: Callable[..., dict[str, Any]]) -> None:
    with fake_api(script(status(403, "Forbidden", "nodes is forbidden"))) as api:
        result = run(host=api.url, api_key=SECRET)
    assert result["failed"]
    assert "403 Forbidden: nodes is forbidden" in result["msg"]
    assert result["status"] == 403


def echo_secret(request: Request, number: int) -> Reply:
    """A server that repeats the token in its message, as a proxy on the way may do."""
    return status(400, "BadRequest", "you sent " + request.headers["authorization"])


@pytest.mark.parametrize("how", ["api_key", "environment", "dictionary", "file", "exec"])
def test_a_token_is_in_no_message_however_it_was_given(
    run: Callable[..., dict[str, Any]], how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_api(echo_secret) as api:
        config = kubeconfig(api.url, token=SECRET)
        if how == "api_key":
            result = run(host=api.url, api_key=SECRET)
        elif how == "environment":
            monkeypatch.setenv("K8S_AUTH_API_KEY", SECRET)
            result = run(host=api.url)
        elif how == "dictionary":
            config["users"].append({"name": "another", "user": {"token": OTHER}})
            result = run(kubeconfig=config)
        elif how == "file":
            (tmp_path / "config").write_text(json.dumps(config))
            result = run(kubeconfig=str(tmp_path / "config"))
        else:
            exec_plugin = plugin(tmp_path, f"{{'token': {SECRET!r}}}")
            result = run(kubeconfig=kubeconfig(api.url, exec=exec_plugin))
    assert "you sent" in result["msg"]
    assert SECRET not in json.dumps(result)
    assert OTHER not in json.dumps(result)


def test_what_was_written_and_what_was_not_is_listed_when_a_write_fails(run: Callable[..., dict[str, Any]]) -> None:
    def answer(request: Request, number: int) -> Reply:
        if request.method == "PATCH":
            if request.path.endswith("n-1"):
                return status(404, "NotFound", 'nodes "n-1" not found')
            return Reply(body={"kind": "PartialObjectMetadata"})
        if request.method == "POST":
            return Reply(body={"status": {"allowed": True}})
        items = [{"metadata": {"name": f"n-{index}", "uid": "u"}} for index in range(3)]
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": items})

    with fake_api(answer) as api:
        result = run(host=api.url, api_key=SECRET, nodes=["n-0", "n-1", "n-2"])
    assert result["failed"]
    assert result["changed"]
    assert result["changed_nodes"] == ["n-0", "n-2"]
    assert "not found" in result["failed_nodes"]["n-1"]


def nodes_and(**refused: Reply) -> Callable[[Request, int], Reply]:
    """A cluster of three nodes, some of whose writes are answered like this, in a dry run too."""

    def answer(request: Request, _number: int) -> Reply:
        if request.method == "GET":
            found = [{"metadata": {"name": f"n-{index}", "uid": f"uid-{index}", "labels": {}}} for index in range(3)]
            return Reply(body={"items": found, "metadata": {"resourceVersion": "1"}})
        if request.path.endswith("selfsubjectaccessreviews"):
            return Reply(body={"status": {"allowed": True}})
        assert "dryRun" in request.query, "check mode writes nothing"
        return refused.get(request.path[-3:].replace("-", "_"), Reply(body={"metadata": {}}))

    return answer


def test_check_mode_fails_where_a_policy_denies_the_real_write_and_names_node_and_policy(
    run: Callable[..., dict[str, Any]],
) -> None:
    denied = status(422, "Invalid", "ValidatingAdmissionPolicy 'guard' denied request")
    with fake_api(nodes_and(n_1=denied)) as api:
        result = run(host=api.url, api_key=SECRET, nodes=["n-0", "n-1"], _ansible_check_mode=True)
    assert result["failed"]
    assert list(result["failed_nodes"]) == ["n-1"]
    assert "ValidatingAdmissionPolicy 'guard' denied request" in result["msg"]
    assert "1 of 2 nodes could not be written: n-1" in result["msg"]
    assert "Nothing was written" in result["msg"]


def test_check_mode_warns_of_a_webhook_that_cannot_be_asked_and_holds_nothing_against_it(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, warning: warnings.append(warning))
    refused = status(400, "BadRequest", 'admission webhook "audit.example.com" does not support dry run')
    with fake_api(nodes_and(n_1=refused)) as api:
        result = run(host=api.url, api_key=SECRET, nodes=["n-0", "n-1"], _ansible_check_mode=True)
    assert not result.get("failed")
    assert result["changed_nodes"] == ["n-0", "n-1"]
    (warning,) = warnings
    assert "node n-1 cannot be tried" in warning
    assert "audit.example.com" in warning


def test_another_bad_request_in_check_mode_is_a_refusal(run: Callable[..., dict[str, Any]]) -> None:
    with fake_api(nodes_and(n_1=status(400, "BadRequest", "the body does not parse"))) as api:
        result = run(host=api.url, api_key=SECRET, nodes=["n-1"], _ansible_check_mode=True)
    assert result["failed"]
    assert "the body does not parse" in result["msg"]
