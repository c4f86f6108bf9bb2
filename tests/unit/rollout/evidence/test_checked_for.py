# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report says which Calico the hosts were checked for, where each setting comes from, and on which hosts it is another one."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import DEFAULTS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_settings.settings import (
    CalicoObjects,
    calico_settings,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import precheck_text

from tests.unit.rollout.builders import UNREACHABLE, answer


def checked(name: str, sources: dict[str, str] | None = None, **settings: Any) -> dict[str, Any]:
    made = answer(name)
    made["precheck"]["settings"].update(settings)
    made["precheck"]["sources"] = {**dict.fromkeys(made["precheck"]["settings"], "default"), **(sources or {})}
    return made


def lines_of(**hosts: Any) -> list[str]:
    text = precheck_text(assemble(hosts))
    return text[text.index("Checked for this Calico:") :].splitlines()


FELIX = {"wireguard": "FelixConfiguration/default"}


def test_the_settings_of_an_object_are_told_together_and_the_defaults_are_counted() -> None:
    sources = {
        "wireguard": "FelixConfiguration/default",
        "mtu": "FelixConfiguration/default mtuIfacePattern",
        "bgp": "Installation/default calicoNetwork.bgp",
        "ipv6": "no IPv6 pool in Installation/default",
        "cni_bin_dir": "default of tigera-operator",
    }
    hosts = {name: checked(name, sources, wireguard=True, mtu=1400) for name in ("a", "b")}
    assert lines_of(**hosts, dark=UNREACHABLE)[1:6] == [
        "  from Installation/default: bgp false, ipv6 false",
        "  from FelixConfiguration/default: wireguard true, mtu 1400",
        "  from default of tigera-operator: cni_bin_dir /opt/cni/bin",
        f"  by default: {len(DEFAULTS) - 5} other settings; precheck.md names them",
        "",
    ]


def test_a_setting_that_was_overridden_on_some_hosts_is_told_with_them() -> None:
    hosts = {name: checked(name, FELIX, wireguard=True) for name in ("a", "b")}
    lines = lines_of(**hosts, c=checked("c", {"wireguard": "precheck_wireguard"}, wireguard=False))
    assert "  wireguard: true, from FelixConfiguration/default on a, b" in lines
    assert "  wireguard: false, from precheck_wireguard on c" in lines
    assert "  wireguard: false, from default on d" in lines_of(**hosts, d=checked("d"))


def test_markdown_has_them_as_a_table_and_escapes_what_an_object_is_called() -> None:
    page = precheck_markdown(assemble({"a": checked("a", {"wireguard": "HostEndpoint/<b>|x"}, wireguard=True)}))
    assert "| Setting | Value | From | Hosts |" in page
    assert "<b>" not in page


def test_what_was_not_read_is_told_with_the_reason_and_the_settings() -> None:
    objects = CalicoObjects(unread={"HostEndpoint": "hostendpoints is forbidden"})
    report = assemble({"a": checked("a")}, calico=calico_settings(objects, DEFAULTS))
    told = "HostEndpoint: not read, because hostendpoints is forbidden, so these have their defaults: host_endpoints."
    assert told in " ".join(precheck_text(report).split())
    assert "not read, because hostendpoints is forbidden" in precheck_markdown(report)


# --- between hosts ------------------------------------------------------------------------------------------------


def differing(**hosts: Any) -> list[tuple[list[str], str]]:
    found = assemble(hosts)["cross_findings"]
    return [(one["hosts"], one["message"]) for one in found if one["id"] == "settings_differ"]


def test_hosts_checked_with_different_settings_are_a_finding() -> None:
    assert differing(a=checked("a"), b=checked("b"), c=checked("c", mtu=1400)) == [
        (["c"], "1 host checked for another mtu: 0 on a, b; 1400 on c")
    ]


def test_hosts_checked_with_the_same_settings_are_none() -> None:
    assert differing(a=checked("a"), b=checked("b"), dark=UNREACHABLE) == []


def test_a_nodes_own_felixconfiguration_and_what_is_about_the_host_may_differ() -> None:
    own = checked("c", {"mtu": "FelixConfiguration/node.c"}, mtu=1400, typha=False)
    assert differing(a=checked("a"), b=checked("b"), c=own) == []
