# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of host_policy, with a host of paper."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleActionFail
from ansible_collections.calico_ops.rollout.plugins.action import host_policy, host_precheck
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck import policy_chains

from tests.unit.precheck.test_policy_chains import IFACE, RECORDED


class Host:
    """What a host answers, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: dict[str, Any] = {"facts": json.dumps(RECORDED["nftables"]), "duration": 0.1}
        self.asked: list[dict[str, Any]] = []
        monkeypatch.setattr(host_policy.ActionBase, "run", lambda action, tmp, task_vars: {})

    def task(self, **args: Any) -> dict[str, Any]:
        task = Mock(args=args, async_val=0, check_mode=True)
        connection = Mock(_shell=Mock(tmpdir=None))
        action = host_policy.ActionModule(task, connection, Mock(), Mock(), Mock(), Mock())
        # The loader of plugins gives the name.
        action._load_name = "calico_ops.rollout.host_policy"
        action._execute_module = self._execute
        return action.run(None, {})

    def _execute(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert (module_name, module_args["sources"]) == (host_precheck.MODULE, host_precheck.SOURCES)
        self.asked.append(json.loads(zlib.decompress(base64.b64decode(module_args["asked"]))))
        return self.answer


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_the_host_is_asked_and_its_answer_judged_here(host: Host) -> None:
    result = host.task(deadline="7")
    assert host.asked == [policy_chains.asked(7.0)]
    assert (result["changed"], result["verdict"], list(result["interfaces"])) == (False, "present", [IFACE])


def test_the_host_says_what_tells_its_node(host: Host) -> None:
    facts = {
        "machine_id": {"value": "cafe"},
        "system_uuid": {"errno": 13, "text": ""},
        "addresses": {"value": [{"address": "192.0.2.1", "global": True}, {"address": "127.0.0.1", "global": False}]},
        "boot_id": {"value": "b"},
    }
    host.answer["facts"] = json.dumps({**RECORDED["nftables"], **facts})
    assert host.task()["identity"] == {"machine_id": "cafe", "system_uuid": None, "addresses": ["192.0.2.1"]}


def test_the_prefixes_say_which_interfaces_are_workloads(host: Host) -> None:
    assert host.task(interface_prefixes=["tap"])["verdict"] == "unreadable"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"deadline": 0}, "deadline: 0 is not between 1 and 300"),
        ({"deadline": 301}, "deadline: 301 is not between 1 and 300"),
        ({"interface_prefixes": []}, "interface_prefixes: give at least one name"),
        ({"interface_prefixes": [""]}, "none that is empty"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_the_host_is_asked(
    host: Host, args: dict[str, Any], words: str
) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        host.task(**args)
    assert host.asked == []


def test_a_host_that_cannot_be_asked_says_so_itself(host: Host) -> None:
    host.answer = {"failed": True, "msg": "no Python"}
    assert host.task() == {"failed": True, "msg": "no Python"}


STRANGE = ["[", "[]", "{}", '{"chains.interfaces": {"value": 1}}', json.dumps({**RECORDED["nftables"], "machine_id": 1})]


@pytest.mark.parametrize("facts", STRANGE)
def test_an_answer_that_is_none_fails_and_is_not_shown_as_evidence(host: Host, facts: str) -> None:
    host.answer["facts"] = facts
    result = host.task()
    assert result["failed"]
    assert "verdict" not in result
