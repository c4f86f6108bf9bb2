# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that lead a workload interface to Calico's chains are told from those that nearly do."""

from __future__ import annotations

import copy
import json
import socket
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck import policy_chains
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import policy_chains as reading
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import present
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.catalogue import find

from tests.unit.precheck.trees import tree

FILE: dict[str, Any] = json.loads(
    Path(__file__).with_name("recorded").joinpath("policy_chains.json").read_text(encoding="utf-8")
)
RECORDED: dict[str, Any] = FILE["hosts"]
LEGACY_ANSWERS: dict[str, dict[str, str]] = FILE["iptables_legacy_answers"]
IFACE = "cali1234567890a"
FAMILY_OF = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
FW, TW = f"cali-fw-{IFACE}", f"cali-tw-{IFACE}"
"""As the recorded hosts have them; data plane nftables puts `filter-` before."""


class Recorded:
    """What one of the recorded hosts answered, to be changed."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.layer = "filter-" if backend == "nftables" else ""
        self.facts: dict[str, Any] = copy.deepcopy(RECORDED[backend])

    @property
    def links(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.facts[policy_chains.INTERFACES]["value"]
        return found

    def chains(self, family: str = "ipv4") -> dict[str, Any]:
        if self.backend == "iptables-legacy":
            found: dict[str, Any] = self.facts[policy_chains.LEGACY]["value"][family]
            return found
        tables = self.facts[policy_chains.NFT]["value"]
        return next(table["chains"] for table in tables if table["family"] == family)

    def rules(self, chain: str, family: str = "ipv4") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.chains(family)[self.layer + chain]["rules"]
        return found

    def everything(self, prefixes: tuple[str, ...] = ("cali",)) -> dict[str, Any]:
        return policy_chains.judged(self.facts, prefixes)

    def judged(self) -> tuple[str, list[str]]:
        found = self.everything()["interfaces"][IFACE]
        return found["verdict"], found["missing"] + found["unreadable"]


@pytest.fixture(params=RECORDED)
def host(request: pytest.FixtureRequest) -> Recorded:
    return Recorded(request.param)


def test_rules_as_felix_writes_them_are_present_in_each_backend(host: Recorded) -> None:
    found = host.everything()
    families = {"IPv4": host.backend} if host.backend == "iptables-nft" else dict.fromkeys(("IPv4", "IPv6"), host.backend)
    assert found["interfaces"] == {IFACE: {"verdict": "present", "backends": families, "missing": [], "unreadable": []}}
    assert found["verdict"] == "present"
    assert found["sentence"] == "Calico's chains are there in both directions for 1 workload interface"


@pytest.mark.parametrize(("chain", "way"), [(FW, "from"), (TW, "to")])
def test_a_chain_that_is_not_there_is_missing(host: Recorded, chain: str, way: str) -> None:
    del host.chains()[host.layer + chain]
    reason = f"IPv4: {host.backend}: there is no chain {host.layer + chain}, for packets {way} the workload"
    assert host.judged() == ("missing", [reason])


@pytest.mark.parametrize(
    ("chain", "dispatch", "way"),
    [
        (FW, "cali-from-wl-dispatch-1", "from"),
        (FW, "cali-from-wl-dispatch", "from"),
        (TW, "cali-to-wl-dispatch", "to"),
    ],
)
def test_a_chain_that_is_not_dispatched_is_missing(host: Recorded, chain: str, dispatch: str, way: str) -> None:
    if host.backend == "nftables":
        dispatch = dispatch.removesuffix("-1")
    host.rules(dispatch)[:] = [rule for rule in host.rules(dispatch) if not rule["to"]]
    reason = f"IPv4: {host.backend}: no rule leads packets {way} the workload to chain {host.layer + chain}"
    assert host.judged() == ("missing", [reason])


@pytest.mark.parametrize("other", ["cali1234567890b", "cali1234567890", "cali1234567890ab"])
def test_a_dispatch_by_the_name_of_another_interface_does_not_count(host: Recorded, other: str) -> None:
    for rule in host.rules("cali-to-wl-dispatch"):
        rule["if"] = [
            [subject, operator, other if value == IFACE else value] for subject, operator, value in rule["if"]
        ]
    verdict, (reason,) = host.judged()
    assert (verdict, "no rule leads packets to the workload" in reason) == ("missing", True)


def test_a_dispatch_by_the_wrong_direction_does_not_count(host: Recorded) -> None:
    for rule in host.rules("cali-to-wl-dispatch"):
        rule["if"] = [["iif", *rest] for _subject, *rest in rule["if"]]
    verdict, (reason,) = host.judged()
    assert (verdict, "no rule leads packets to the workload" in reason) == ("missing", True)


def test_a_condition_that_cannot_be_read_does_not_count_as_the_interface(host: Recorded) -> None:
    for rule in host.rules("cali-to-wl-dispatch"):
        rule["if"] = [[subject, "?", ""] for subject, *_rest in rule["if"]]
    assert host.judged()[0] == "missing"


def test_the_chains_of_another_interface_are_not_this_ones(host: Recorded) -> None:
    host.links["cali1234567890b"] = ["ipv4"]
    found = host.everything()
    assert {name: one["verdict"] for name, one in found["interfaces"].items()} == {
        IFACE: "present",
        "cali1234567890b": "missing",
    }
    assert found["verdict"] == "missing"
    assert found["sentence"].startswith("Calico's chains are missing for 1 of 2 workload interfaces; cali1234567890b: ")


def test_an_empty_chain_is_missing(host: Recorded) -> None:
    host.rules(TW).clear()
    reason = f"IPv4: {host.backend}: no rule of chain {host.layer + TW} drops what no policy allowed"
    assert host.judged() == ("missing", [reason])


def test_a_chain_that_drops_some_packets_only_is_missing(host: Recorded) -> None:
    for rule in host.rules(FW):
        if rule["verdict"] == "drop":
            rule["if"] = [["protocol", "?", ""]]
    assert host.judged()[0] == "missing"


@pytest.mark.parametrize("verdict", ["accept", "drop", "return"])
def test_a_rule_that_ends_the_way_before_leaves_nothing_to_dispatch(host: Recorded, verdict: str) -> None:
    base = next(chain for chain in host.chains().values() if chain["hook"] == 2)
    base["rules"].insert(0, {"verdict": verdict, "to": "", "if": []})
    found, reasons = host.judged()
    assert (found, len(reasons)) == ("missing", 2)


def test_a_rule_that_ends_the_way_of_some_packets_changes_nothing(host: Recorded) -> None:
    base = next(chain for chain in host.chains().values() if chain["hook"] == 2)
    base["rules"].insert(0, {"verdict": "accept", "to": "", "if": [["ct state", "any", 2]]})
    assert host.judged() == ("present", [])


def test_a_flushed_host_has_no_chain() -> None:
    host = Recorded("nftables")
    host.facts[policy_chains.NFT]["value"] = []
    assert host.judged() == ("missing", [f"{family}: no table has chains of Calico's" for family in ("IPv4", "IPv6")])


def test_ipv6_is_missing_where_a_route_leads_over_the_interface(host: Recorded) -> None:
    host.links[IFACE] = ["ipv4", "ipv6"]
    if host.backend == "nftables":
        del host.facts[policy_chains.NFT]["value"][1:]
    elif host.backend == "iptables-legacy":
        host.chains("ipv6").clear()
    assert host.judged() == ("missing", ["IPv6: no table has chains of Calico's"])


@pytest.mark.parametrize("backend", ["nftables", "iptables-legacy"])
def test_ipv6_is_expected_of_each_interface_where_calico_has_chains_for_it(backend: str) -> None:
    host = Recorded(backend)
    host.links[IFACE] = ["ipv4"]
    host.rules("cali-to-wl-dispatch", "ipv6").clear()
    verdict, (reason,) = host.judged()
    assert (verdict, reason.startswith(f"IPv6: {backend}: no rule leads packets to the workload")) == ("missing", True)


def test_what_cannot_be_read_is_never_missing() -> None:
    host = Recorded("nftables")
    host.facts[policy_chains.NFT] = {"errno": 1, "text": ""}
    verdict, (first, *_rest) = host.judged()
    assert (verdict, first) == ("unreadable", "IPv4: nf_tables cannot be read: the kernel refused with errno 1")


def test_one_backend_that_is_right_is_enough_though_another_cannot_be_read() -> None:
    host = Recorded("iptables-nft")
    host.facts[policy_chains.LEGACY] = {"lost": "no answer within 5 s", "remedy": ""}
    assert host.judged() == ("present", [])


def test_leftovers_of_another_backend_do_not_hide_the_one_that_is_right() -> None:
    host = Recorded("iptables-nft")
    host.facts[policy_chains.LEGACY] = Recorded("iptables-legacy").facts[policy_chains.LEGACY]
    del host.facts[policy_chains.LEGACY]["value"]["ipv4"][FW]
    assert host.judged() == ("present", [])


def test_without_nf_tables_there_are_no_rules_of_it() -> None:
    host = Recorded("iptables-legacy")
    host.facts[policy_chains.NFT] = {"unexercised": ["nf_tables"]}
    assert host.judged() == ("present", [])
    del host.chains()[FW]
    assert host.judged()[0] == "missing"


def test_the_programs_of_data_plane_bpf_are_not_known() -> None:
    host = Recorded("nftables")
    host.facts[policy_chains.NFT]["value"] = []
    host.facts[policy_chains.BPF]["value"] = True
    verdict, (first, *_rest) = host.judged()
    assert (verdict, first) == ("unreadable", "IPv4: data plane bpf is in use, and its programs are not read")


def test_where_nobody_may_look_for_data_plane_bpf_nothing_is_missing() -> None:
    host = Recorded("nftables")
    host.facts[policy_chains.BPF] = {"errno": 13, "text": "/sys/fs/bpf/tc/globals"}
    assert host.judged() == ("present", [])
    host.rules(TW).clear()
    assert host.judged() == ("unreadable", ["IPv4: the kernel refused with errno 13 (/sys/fs/bpf/tc/globals)"])


def test_a_host_without_workload_interfaces_proves_nothing(host: Recorded) -> None:
    found = host.everything(("tap", "nk"))
    assert found["verdict"] == "unreadable"
    assert found["sentence"] == "not known, because no interface here begins with tap or nk"


def test_a_host_whose_links_are_not_known_proves_nothing(host: Recorded) -> None:
    host.facts[policy_chains.INTERFACES] = {"lost": "no answer within 5 s", "remedy": ""}
    assert host.everything() == {
        "verdict": "unreadable",
        "sentence": "not known, because no answer within 5 s",
        "interfaces": {},
    }


def test_the_questions_are_of_the_hosts_own_namespace_and_load_no_module() -> None:
    asked = policy_chains.asked(3.0)
    assert (asked["allow_module_load"], asked["deadline"]) == (False, 3.0)
    assert all(find(probe).on_the_host for probe in asked["probes"])


def recorded_answer(raw: socket.socket, option: int, *_rest: object) -> bytes:
    return bytes.fromhex(LEGACY_ANSWERS[FAMILY_OF[raw.family]][str(option)])


def test_of_iptables_legacy_calicos_way_is_read_in_both_families(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(present, "_ask", recorded_answer)
    names = {"/proc/net/ip_tables_names": "nat\nfilter\n", "/proc/net/ip6_tables_names": "filter\n"}
    found = reading.of_legacy(tree(tmp_path, names))
    assert found == RECORDED["iptables-legacy"][policy_chains.LEGACY]["value"]
    assert "cali-pi-x" not in found["ipv4"]


def test_an_ipv6_rule_of_iptables_legacy_is_read_with_its_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ip6tables-save printed them: -s fd00:10::/64 ! -i eth0 -j cali-pi-x, and ! -d fd00:20::1/128 -j RETURN."""
    monkeypatch.setattr(present, "_ask", recorded_answer)
    chains = present.legacy_chains("filter", socket.AF_INET6)
    conditions = [["iif", "!=", "eth0"], ["saddr", "==", "fd00:10::/64"]]
    assert {"verdict": "jump", "to": "cali-pi-x", "if": conditions} in chains[FW]["rules"]
    only = [{"verdict": "return", "to": "", "if": [["daddr", "!=", "fd00:20::1/128"]]}]
    assert chains["cali-pi-x"]["rules"] == only
    assert chains["INPUT"] == {"hook": 1, "policy": "accept", "rules": []}


def test_a_host_without_tables_of_iptables_legacy_is_not_made_to_have_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(present, "_ask", lambda *_what: pytest.fail("to ask for a table makes it"))
    names = {"/proc/net/ip_tables_names": "nat\n", "/proc/net/ip6_tables_names": ""}
    assert reading.of_legacy(tree(tmp_path, names)) == {"ipv4": {}, "ipv6": {}}


@pytest.mark.parametrize(("changes", "outcome"), [(1, "read"), (4, "read"), (5, "not known")])
def test_rules_that_change_while_they_are_read_are_read_again(
    monkeypatch: pytest.MonkeyPatch, changes: int, outcome: str
) -> None:
    """The generation of the rules before and after each reading: another one for as many readings as there are changes."""
    seen = [number for turn in range(changes) for number in (turn, turn + 1)] + [changes, changes]
    monkeypatch.setattr(reading.nftables, "generation_id", lambda _connection: seen.pop(0))
    monkeypatch.setattr(reading, "_tables", lambda _connection: [seen[0]])
    if outcome == "read":
        found: Any = reading.of_nft(Mock())
        assert found == [changes]
    else:
        with pytest.raises(NoEvidence, match="changed during each of 5 readings"):
            reading.of_nft(Mock())


def test_only_maps_of_data_plane_bpf_tell_that_it_is_in_use(tmp_path: Path) -> None:
    for name, used in (("calico_failsafe_ports_v1", False), ("cali_v4_routes", True)):
        root = tree(tmp_path / name, {f"/sys/fs/bpf/tc/globals/{name}": ""})
        assert reading.bpf_in_use(root) == used
