# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of nodes as users read it: ansible-inventory and plays over a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

ADMITTED = {"rollout.calico-ops.dev/admitted": "true"}
ZONE = "topology.kubernetes.io/zone"
QUARANTINE = {"key": "rollout.calico-ops.dev/quarantine", "value": "precheck-failed", "effect": "NoSchedule"}
TIERS = [{"name": "core", "selector": "tier=core"}, {"name": "edge", "selector": "tier=edge"}]


class Inventory:
    """A file for the plugin, and the command line tools that read it."""

    def __init__(self, lab: Lab, directory: Path, **options: Any) -> None:
        self.file = directory / "lab.calico_nodes.yml"
        self.file.write_text(json.dumps({"plugin": "calico_ops.rollout.nodes", "tiers": TIERS, **options}))
        self.directory = directory
        self.environment = {
            **os.environ,
            "K8S_AUTH_KUBECONFIG": str(lab.kubeconfig),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        }

    def listed(self, **environment: str) -> Any:
        return unmarked(json.loads(self._run("ansible-inventory", "--list", **environment)))

    def error(self, **environment: str) -> str:
        done = self._done("ansible-inventory", "--list", **environment)
        assert done.returncode != 0, done.stdout
        return " ".join(done.stderr.split())

    def flushed(self) -> str:
        """The hosts of a play whose cache was forgotten; ansible-inventory has the option only since 2.17."""
        return self.play([], "--flush-cache", "--list-hosts")

    def play(self, tasks: list[Any], *arguments: str) -> str:
        playbook = self.directory / "playbook.yml"
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        return self._run("ansible-playbook", str(playbook), *arguments)

    def _run(self, tool: str, *arguments: str, **environment: str) -> str:
        done = self._done(tool, *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _done(self, tool: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name(tool)), "-i", str(self.file), *arguments],
            env={**self.environment, **environment},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def nodes(cluster: Lab) -> Lab:
    cluster.add_nodes(
        [
            NodeSpec("core-1", {**ADMITTED, "tier": "core", ZONE: "eu-1"}, address="10.0.0.1"),
            NodeSpec("edge-1", {"tier": "edge"}, address="10.0.0.2", architecture="arm64", unschedulable=True),
            NodeSpec("edge-2", {"tier": "edge"}, address="10.0.0.3", taints=(QUARANTINE,)),
        ]
    )
    return cluster


def unmarked(value: Any) -> Any:
    """Without the mark that ansible-inventory puts on text which is not to be templated."""
    if isinstance(value, dict):
        return (
            unmarked(value["__ansible_unsafe"])
            if set(value) == {"__ansible_unsafe"}
            else {key: unmarked(item) for key, item in value.items()}
        )
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def members(listed: Any, group: str) -> list[str]:
    return sorted(listed.get(group, {}).get("hosts", []))


def test_nodes_are_hosts_in_the_groups_that_a_rollout_knows(nodes: Lab, tmp_path: Path) -> None:
    listed = Inventory(nodes, tmp_path).listed()
    assert members(listed, "admitted") == ["core-1"]
    assert members(listed, "not_admitted") == members(listed, "quarantined") == ["edge-1", "edge-2"]
    assert members(listed, "tier_core") == members(listed, "zone_eu_1") == ["core-1"]
    assert members(listed, "tier_edge") == ["edge-1", "edge-2"]
    assert members(listed, "architecture_arm64") == ["edge-1"]
    variables = listed["_meta"]["hostvars"]
    assert {host: of["ansible_host"] for host, of in variables.items()} == {
        "core-1": "10.0.0.1",
        "edge-1": "10.0.0.2",
        "edge-2": "10.0.0.3",
    }
    assert all(of["node_name"] == host for host, of in variables.items())
    assert variables["core-1"]["node_labels"][ZONE] == "eu-1"
    assert "rollout.calico-ops.dev/quarantine=precheck-failed:NoSchedule" in variables["edge-2"]["node_taints"]


def test_one_list_of_nodes_is_all_that_is_asked(nodes: Lab, tmp_path: Path) -> None:
    since = nodes.audit.position()
    Inventory(nodes, tmp_path).listed()
    asked = [(event.verb, event.resource) for event in nodes.audit.events(since, user=nodes.collection_user)]
    assert asked == [("list", "nodes")]


def test_a_selector_leaves_the_other_nodes_out(nodes: Lab, tmp_path: Path) -> None:
    listed = Inventory(nodes, tmp_path, selector="tier=edge").listed()
    assert sorted(listed["_meta"]["hostvars"]) == ["edge-1", "edge-2"]
    assert members(listed, "tier_core") == []


def test_variables_and_groups_are_constructed_as_users_expect(nodes: Lab, tmp_path: Path) -> None:
    listed = Inventory(
        nodes,
        tmp_path,
        compose={"ansible_user": "'admin-' ~ node_architecture"},
        groups={"arm": "node_architecture is search('arm')"},
        keyed_groups=[{"key": "node_os", "prefix": "os"}],
    ).listed()
    assert listed["_meta"]["hostvars"]["edge-1"]["ansible_user"] == "admin-arm64"
    assert members(listed, "arm") == ["edge-1"]
    assert members(listed, "os_linux") == ["core-1", "edge-1", "edge-2"]


def test_an_expression_that_fails_is_an_error_only_when_strict(nodes: Lab, tmp_path: Path) -> None:
    wrong = {"compose": {"x": "no_such_variable"}}
    assert Inventory(nodes, tmp_path, **wrong).listed()["_meta"]["hostvars"]
    assert "no_such_variable" in Inventory(nodes, tmp_path, strict=True, **wrong).error()


def test_what_a_node_says_of_itself_is_never_templated(cluster: Lab, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    attack = "{{ lookup('ansible.builtin.pipe', 'touch " + str(mark) + "') }}"
    cluster.add_nodes([NodeSpec("evil", {"tier": "edge"}, os_image=attack, kernel_version=attack)])
    inventory = Inventory(
        cluster,
        tmp_path,
        compose={"image": "node_info.osImage"},
        keyed_groups=[{"key": "node_info.osImage", "prefix": "image"}],
        groups={"patched": "'patched' in node_info.kernelVersion"},
    )
    assert "evil" in inventory.listed()["_meta"]["hostvars"]
    shown = inventory.play(
        [
            {"ansible.builtin.debug": {"var": "node_info.osImage"}},
            {"ansible.builtin.debug": {"var": "image"}},
            {"ansible.builtin.debug": {"msg": "kernel {{ node_info.kernelVersion }}"}},
        ]
    )
    assert shown.count("lookup(") == 3
    assert not mark.exists()


def test_the_cache_answers_without_asking_and_a_flush_asks_again(nodes: Lab, tmp_path: Path) -> None:
    inventory = Inventory(
        nodes, tmp_path, cache=True, cache_plugin="ansible.builtin.jsonfile", cache_connection=str(tmp_path / "cache")
    )
    first = inventory.listed()
    since = nodes.audit.position()
    assert inventory.listed() == first
    assert nodes.audit.events(since, user=nodes.collection_user) == []
    nodes.admin.delete("/api/v1/nodes/edge-2")
    assert "edge-2" in inventory.listed()["_meta"]["hostvars"]
    assert "edge-2" not in inventory.flushed()
    assert "edge-2" not in inventory.listed()["_meta"]["hostvars"]


def test_the_connection_is_an_option_too_and_a_token_is_in_no_message(nodes: Lab, tmp_path: Path) -> None:
    assert Inventory(nodes, tmp_path, kubeconfig=str(nodes.kubeconfig)).listed(K8S_AUTH_KUBECONFIG="/nowhere")
    server = nodes.admin.server
    for token, told in (("c2VjcmV0LXRva2Vu\n", "401"), ("c2VjcmV0LXRva2Vu\nLXR3bw", "The credential has a line break")):
        refused = Inventory(nodes, tmp_path, host=server, api_key=token, validate_certs=False).error()
        assert told in refused
        assert "c2VjcmV0LXRva2Vu" not in refused


def test_a_wrong_selector_of_a_tier_is_named(nodes: Lab, tmp_path: Path) -> None:
    told = Inventory(nodes, tmp_path, tiers=[{"name": "edge", "selector": "tier in edge"}]).error()
    assert 'tier edge, selector: "tier in edge" is not a label selector' in told


def test_a_file_of_another_name_is_none_of_its_business(nodes: Lab, tmp_path: Path) -> None:
    inventory = Inventory(nodes, tmp_path)
    inventory.file = inventory.file.rename(tmp_path / "other.yml")
    assert "calico_ops.rollout.nodes" in inventory.error()
