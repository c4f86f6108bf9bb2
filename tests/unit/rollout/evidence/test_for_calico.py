# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence counts for the Calico that it was made for: one row a setting, in both directions, before the first label and later."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import DEFAULTS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_settings.settings import (
    CalicoObjects,
    calico_settings,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import CalicoSettings
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.admission_annotations import (
    written_to,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.for_calico import (
    NOT_COMPARED,
    lacking,
    noted,
    noted_on,
    read_noted,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import Wishes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import status_pages
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.frozen import given_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.cluster_status import cluster_status

from tests.unit.rollout.builders import LABEL, SELECTOR, answer, bare, facts, rolled_out, tier, unscoped

NAMES = ["core-1", "core-2", "core-3"]
NOW = 1000.0


def cluster(network: Any = None, felix: Any = (), unread: Any = None, **spec: Any) -> CalicoSettings:
    """What an Installation of this `calicoNetwork` asks for, which the rollout is about to write."""
    installation = {"spec": {"calicoNetwork": network or {}, **spec}}
    objects = CalicoObjects(
        installation=installation, felix=felix, given="rollout_installation_spec", unread=unread or {}
    )
    return calico_settings(objects, DEFAULTS)


def felix(name: str = "default", **spec: Any) -> list[dict[str, Any]]:
    return [{"metadata": {"name": name}, "spec": spec}]


def planned(settings: dict[str, Any], running: Any = (), hosts: Any = None) -> Any:
    """A plan over hosts that were checked for these settings, and `hosts` for others."""
    answers = {}
    for name in NAMES:
        made = answer(name)
        made["precheck"]["settings"] = {**DEFAULTS, **settings, **(hosts or {}).get(name, {})}
        answers[f"h-{name}"] = made
    nodes = [facts(name, calico_ready=name in running) for name in NAMES]
    return build_plan(nodes, assemble(answers), [tier("core")])


def decided(plan: Any, calico: CalicoSettings | None, seen: Any = None, check_mode: bool = False) -> Any:
    state = new_state(plan)
    state["check_mode"] = check_mode
    return decide(plan, state, seen or bare(NAMES), NOW, Wishes(calico=calico))


def refusal(decision: Any) -> str:
    assert decision["report"]["outcome"] == "stopped", decision["report"]
    assert decision["actions"] == []
    return str(decision["report"]["reason"])


# --- the rule -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [False, True])
def test_prechecks_for_vxlan_and_iptables_are_no_evidence_for_bpf_and_ipip(check_mode: bool) -> None:
    plan = planned({"encapsulation": "vxlan", "pod_cidrs": ["10.244.0.0/16"]})
    pool = {"cidr": "10.244.0.0/16", "encapsulation": "IPIP"}
    told = refusal(decided(plan, cluster({"linuxDataplane": "BPF", "ipPools": [pool]}), check_mode=check_mode))
    assert told.startswith("evidence_for_another_calico: ")
    where = "from rollout_installation_spec calicoNetwork"
    hosts = "for h-core-1, h-core-2, h-core-3"
    assert f"dataplane was iptables and is to be bpf ({where}.linuxDataplane) {hosts}" in told
    assert f"encapsulation was vxlan and is to be ipip ({where}.ipPools) {hosts}" in told
    assert "Leave out precheck_dataplane, precheck_encapsulation" in told


V4, V6 = {"cidr": "192.168.0.0/16", "encapsulation": "VXLAN"}, {"cidr": "fd00::/48"}
FITTING = {"encapsulation": "vxlan", "pod_cidrs": ["192.168.0.0/16"]}
# Setting, what the hosts were checked for, what the cluster asks for.
ROWS: tuple[tuple[str, dict[str, Any], CalicoSettings], ...] = (
    ("dataplane", {}, cluster({"linuxDataplane": "Nftables", "ipPools": [V4]})),
    ("encapsulation", {"encapsulation": "ipip"}, cluster({"ipPools": [V4]})),
    ("bgp", {"bgp": False}, cluster({"ipPools": [V4]})),
    ("ipv6", {"pod_cidrs": ["192.168.0.0/16", "fd00::/48"]}, cluster({"ipPools": [V4, V6]})),
    ("wireguard", {}, cluster({"ipPools": [V4]}, felix(wireguardEnabled=True))),
    ("ip_autodetection", {}, cluster({"ipPools": [V4], "nodeAddressAutodetectionV4": {"interface": "eth1"}})),
    (
        "ip6_autodetection",
        {"ipv6": True, "pod_cidrs": ["192.168.0.0/16", "fd00::/48"]},
        cluster({"ipPools": [V4, V6], "nodeAddressAutodetectionV6": {"interface": "eth1"}}),
    ),
    ("cni_bin_dir", {}, cluster({"ipPools": [V4]}, cni={"binDir": "/usr/lib/cni"})),
    ("cni_conf_dir", {}, cluster({"ipPools": [V4]}, cni={"confDir": "/etc/k0s"})),
    ("calico_version", {"calico_version": "3.30"}, cluster({"ipPools": [V4]})),
    ("iptables_backend", {}, cluster({"ipPools": [V4]}, felix(iptablesBackend="Legacy"))),
    ("mtu", {}, cluster({"ipPools": [V4], "mtu": 1400})),
    ("mtu_interface_pattern", {}, cluster({"ipPools": [V4]}, felix(mtuIfacePattern="^bond"))),
    (
        "cgroup_v2_path",
        {"dataplane": "bpf"},
        cluster({"ipPools": [V4], "linuxDataplane": "BPF"}, felix(cgroupV2Path="/x")),
    ),
    ("vxlan_port", {}, cluster({"ipPools": [V4]}, felix(vxlanPort=8472))),
    ("vxlan_vni", {}, cluster({"ipPools": [V4]}, felix(vxlanVNI=1))),
    ("health_port", {}, cluster({"ipPools": [V4]}, felix(healthPort=9199))),
    ("metrics_port", {}, cluster({"ipPools": [V4]}, nodeMetricsPort=9091)),
    (
        "wireguard_port",
        {"wireguard": True},
        cluster({"ipPools": [V4]}, felix(wireguardEnabled=True, wireguardListeningPort=1)),
    ),
    (
        "wireguard_port_v6",
        {"wireguard": True, "ipv6": True, "pod_cidrs": ["192.168.0.0/16", "fd00::/48"]},
        cluster({"ipPools": [V4, V6]}, felix(wireguardEnabled=True, wireguardListeningPortV6=1)),
    ),
    (
        "flow_offload",
        {"dataplane": "nftables"},
        cluster({"ipPools": [V4], "linuxDataplane": "Nftables"}, felix(nftablesFlowTableOffload="All")),
    ),
    (
        "bpf_data_interface_pattern",
        {"dataplane": "bpf"},
        cluster({"ipPools": [V4], "linuxDataplane": "BPF"}, felix(bpfDataIfacePattern="^bond")),
    ),
    ("flow_logs", {}, cluster({"ipPools": [V4]}, felix(flowLogsLocalReporter="Enabled"))),
    ("pod_cidrs", {}, cluster({"ipPools": [{**V4, "cidr": "10.9.0.0/16"}]})),
    ("service_cidrs", {}, cluster({"ipPools": [V4]}, serviceCIDRs=["10.96.0.0/12"])),
    ("flexvolume_path", {"flexvolume_path": ""}, cluster({"ipPools": [V4]})),
    (
        "bgp_port",
        {},
        calico_settings(
            CalicoObjects(
                installation={"spec": {"calicoNetwork": {"ipPools": [V4]}}},
                bgp=[{"metadata": {"name": "default"}, "spec": {"listenPort": 178}}],
            ),
            DEFAULTS,
        ),
    ),
    (
        "host_endpoints",
        {},
        calico_settings(
            CalicoObjects(
                installation={"spec": {"calicoNetwork": {"ipPools": [V4]}}},
                host_endpoints=[{"metadata": {"name": "a"}}],
            ),
            DEFAULTS,
        ),
    ),
)


@pytest.mark.parametrize(("setting", "checked", "calico"), ROWS, ids=[row[0] for row in ROWS])
def test_a_setting_that_was_not_checked_for_refuses_by_name(
    setting: str, checked: dict[str, Any], calico: CalicoSettings
) -> None:
    plan = planned({**FITTING, **checked})
    told = refusal(decided(plan, calico))
    assert f"{setting} was " in told
    assert "; " not in told.partition(". Leave out")[0], "this setting and no other"
    assert f"Leave out precheck_{setting} and" in told


@pytest.mark.parametrize(("setting", "checked", "calico"), ROWS, ids=[row[0] for row in ROWS])
def test_the_same_hosts_checked_for_what_is_asked_go_in(
    setting: str, checked: dict[str, Any], calico: CalicoSettings
) -> None:
    plan = planned({**FITTING, **checked, setting: calico["settings"][setting]})  # type: ignore[literal-required]
    assert [action["do"] for action in decided(plan, calico)["actions"]] == ["label_nodes"]


@pytest.mark.parametrize(("checked", "refused"), [("3.33", False), ("3.32", False), ("3.31", True)])
def test_the_newest_version_is_assumed_before_a_clean_install_and_holds_nothing_up_once_an_image_tells_another(
    checked: str, refused: bool
) -> None:
    calico = cluster({"ipPools": [V4]})
    calico["settings"]["calico_version"] = "3.32"
    calico["sources"]["calico_version"] = "image of DaemonSet calico-node"
    decision = decided(planned({**FITTING, "calico_version": checked}), calico)
    assert (decision["report"]["outcome"] == "stopped") is refused


def test_there_is_a_row_for_every_setting_that_a_cluster_decides() -> None:
    assert {row[0] for row in ROWS} == DEFAULTS.keys() - set(NOT_COMPARED)


@pytest.mark.parametrize(
    "more",
    [
        {"wireguard": True},
        {"ipv6": True},
        {"encapsulation": "ipip_and_vxlan"},
        {"pod_cidrs": ["10.0.0.0/8", "192.168.0.0/16"]},
        {"metrics_port": 9091},
        {"host_endpoints": True},
        {"flow_logs": True},
        # Without what they are for they decide nothing.
        {"wireguard_port": 1},
        {"cgroup_v2_path": "/x"},
        {"flow_offload": True},
        {"typha": False},
        {"apiserver": "10.0.0.1:6443"},
    ],
)
def test_evidence_for_more_than_is_asked_counts(more: dict[str, Any]) -> None:
    plan = planned({**FITTING, **more})
    assert decided(plan, cluster({"ipPools": [V4]}))["report"]["outcome"] == "in_progress"


def test_only_the_hosts_that_lack_something_are_named() -> None:
    plan = planned(FITTING, hosts={"core-2": {"mtu": 9000}})
    told = refusal(decided(plan, cluster({"ipPools": [V4]})))
    assert "mtu was 9000 and is to be 0 (from default) for h-core-2." in told


def test_what_is_asked_of_one_node_is_asked_of_its_host() -> None:
    plan = planned(FITTING)
    told = refusal(decided(plan, cluster({"ipPools": [V4]}, felix("node.core-3", wireguardEnabled=True))))
    assert "wireguard was false and is to be true (from FelixConfiguration/node.core-3) for h-core-3." in told


def test_no_evidence_is_held_against_what_could_not_be_read() -> None:
    plan = planned({**FITTING, "mtu_interface_pattern": "^bond"})
    assert "mtu_interface_pattern" in refusal(decided(plan, cluster({"ipPools": [V4]})))
    unread = cluster({"ipPools": [V4]}, unread={"FelixConfiguration": "forbidden"})
    assert decided(plan, unread)["report"]["outcome"] == "in_progress"


def test_a_node_that_is_adopted_has_its_pod_for_evidence() -> None:
    plan = planned({**FITTING, "mtu": 9000}, running=NAMES)
    assert plan["batches"][0]["name"] == "adoption"
    assert plan["evidence"] == []
    plan["evidence"] = planned({**FITTING, "mtu": 9000})["evidence"]
    decision = decided(plan, cluster({"ipPools": [V4]}), unscoped(NAMES, NAMES))
    assert [action["do"] for action in decision["actions"]] == ["label_nodes"]


def test_nodes_that_carry_the_label_already_are_for_the_status_to_tell() -> None:
    plan = planned({**FITTING, "mtu": 9000})
    decision = decided(plan, cluster({"ipPools": [V4]}), rolled_out(NAMES, NAMES))
    assert "evidence_for_another_calico" not in decision["report"]["reason"]


def test_without_knowing_what_is_asked_nothing_is_compared() -> None:
    assert decided(planned({"mtu": 9000}), None)["report"]["outcome"] == "in_progress"


# --- the plan and the note ----------------------------------------------------------------------------------------


def test_the_plan_holds_the_settings_of_its_evidence_with_node_and_host() -> None:
    plan = planned(FITTING, hosts={"core-2": {"mtu": 1400}})
    assert [(one["settings"]["mtu"], one["nodes"]) for one in plan["evidence"]] == [
        (0, {"core-1": "h-core-1", "core-3": "h-core-3"}),
        (1400, {"core-2": "h-core-2"}),
    ]
    assert given_plan(json.loads(json.dumps(plan))) == plan


def test_each_node_is_noted_what_its_host_was_checked_for() -> None:
    plan = planned(FITTING, hosts={"core-2": {"mtu": 1400}})
    (action,) = decided(plan, None)["actions"]
    assert {node: json.loads(text)["mtu"] for node, text in action["checked_for"].items()} == {
        "core-1": 0,
        "core-2": 1400,
    }
    assert "apiserver" not in action["checked_for"]["core-1"]


def test_the_note_is_among_the_annotations_that_a_node_gets() -> None:
    (action,) = decided(planned(FITTING), None)["actions"]
    written = written_to(action, "core-1")
    assert written["rollout.calico-ops.dev/checked-for"] == noted({**DEFAULTS, **FITTING})


def test_a_node_that_is_adopted_loses_the_note_of_an_earlier_admission() -> None:
    seen = unscoped(NAMES, NAMES)
    seen["nodes"]["core-1"]["annotations"] = {"rollout.calico-ops.dev/checked-for": "{}"}
    (action,) = decided(planned(FITTING, running=NAMES), None, seen)["actions"][:1]
    assert action["checked_for"] == {"core-1": None}
    assert written_to(action, "core-1")["rollout.calico-ops.dev/checked-for"] is None


def test_a_note_of_an_earlier_admission_goes_where_this_one_rests_on_no_precheck() -> None:
    plan = planned(FITTING, running=["core-1"])
    assert noted_on(plan, ["core-1"], {"core-1"}) == {"core-1": None}
    assert noted_on(plan, ["core-1"], set()) == {}


@pytest.mark.parametrize("text", [None, "", "soon", "[1]", '"x"', "[" * 100000])
def test_what_is_no_note_is_left_aside(text: str | None) -> None:
    assert read_noted(text) is None


def test_a_setting_that_an_old_note_does_not_have_is_not_compared() -> None:
    asked = cluster({"ipPools": [V4]})["settings"]
    assert lacking({"dataplane": "iptables"}, asked) == []
    assert lacking({"dataplane": ["iptables"], "pod_cidrs": 7}, asked) == ["dataplane", "pod_cidrs"]


# --- the status ---------------------------------------------------------------------------------------------------


def status(note: Any, calico: CalicoSettings | None) -> Any:
    seen = copy.deepcopy(rolled_out(NAMES, NAMES))
    for name in NAMES:
        seen["nodes"][name]["annotations"] = {"rollout.calico-ops.dev/checked-for": note}
    nodes = [facts(name, SELECTOR, calico_ready=True) for name in NAMES]
    return cluster_status(nodes, seen, (), None, LABEL, NOW, calico=calico)


def test_the_status_says_whose_evidence_is_stale_once_the_cluster_asks_for_more() -> None:
    note = noted({**DEFAULTS, **FITTING})
    found = status(note, cluster({"ipPools": [V4]}, felix(wireguardEnabled=True)))
    assert found["admitted"][0]["stale"] == [
        {"setting": "wireguard", "checked": "false", "asked": "true", "source": "FelixConfiguration/default"}
    ]
    assert found["reason"].endswith(" Checked for another Calico (wireguard): core-1, core-2, core-3.")
    text = " ".join(status_pages.terminal(found).split())
    assert "wireguard false true FelixConfiguration/default core-1, core-2, core-3" in text
    assert "Checked for another Calico" in status_pages.markdown(found)


@pytest.mark.parametrize(
    ("note", "calico"),
    [
        (noted({**DEFAULTS, **FITTING}), cluster({"ipPools": [V4]})),
        (noted({**DEFAULTS, **FITTING}), None),
        ("odd", cluster({"ipPools": [V4]}, felix(wireguardEnabled=True))),
    ],
)
def test_where_nothing_is_stale_or_known_nothing_is_told(note: str, calico: CalicoSettings | None) -> None:
    found = status(note, calico)
    assert [one["stale"] for one in found["admitted"]] == [[], [], []]
    assert "Checked for another Calico" not in status_pages.terminal(found)
