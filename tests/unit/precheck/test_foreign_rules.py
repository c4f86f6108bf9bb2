# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others are read: recorded answers of a kernel, held against what iptables' own programs said of the same rules."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import present
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.netlink import attributes
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules import fate

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.faults import base_chain
from tests.unit.precheck.kernels import RawFacts, healthy
from tests.unit.precheck.trees import tree

RECORDED = Path(__file__).with_name("recorded")
NFT: dict[str, Any] = json.loads((RECORDED / "nft_rulesets.json").read_text(encoding="utf-8"))["rulesets"]
LEGACY: dict[str, Any] = json.loads((RECORDED / "legacy_tables.json").read_text(encoding="utf-8"))["rulesets"]
POOL = {"pod_cidrs": ["10.244.0.0/16"]}
OVERLAY = {**POOL, "encapsulation": "vxlan"}
_TABLES, _CHAINS, _RULES = 1, 4, 7


class Kernel:
    """Answers as the one that was recorded; `old` ones do not look at which table and chain is asked for."""

    def __init__(self, recorded: dict[str, Any], old: bool = False) -> None:
        self.payloads = {
            kind: [bytes.fromhex(one) for one in recorded[name]]
            for kind, name in ((_TABLES, "tables"), (_CHAINS, "chains"), (_RULES, "rules"))
        }
        self.old = old
        self.asked = 0

    def request(self, kind: int, flags: int, body: bytes, step: str = "") -> list[bytes]:
        self.asked += 1
        found = self.payloads[kind & 0xFF]
        wanted = attributes(body[4:])
        if self.old or not wanted:
            return found
        return [one for one in found if wanted.items() <= attributes(one[4:]).items() and one[0] == body[0]]


def tables(name: str, old: bool = False) -> list[dict[str, Any]]:
    return present.nft_tables(Kernel(NFT[name], old))  # type: ignore[arg-type]


def with_rules(name: str) -> RawFacts:
    return healthy() | {"host.nft": {"value": json.loads(json.dumps(tables(name)))}}


def as_iptables_says(table: dict[str, Any]) -> str | int:
    kinds = {one["only_newer"] for one in table["unreadable"]}
    return "incompatible" if False in kinds else "error" if kinds else int(table["lines"])


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", NFT)
def test_what_iptables_nft_save_shows_of_a_table_is_told_as_it_is(name: str, old: bool) -> None:
    said = NFT[name]["iptables_nft_save"]
    found = {"{family} {name}".format(**one): as_iptables_says(one) for one in tables(name, old)}
    assert {table: found[table] for table in said} == said


@pytest.mark.parametrize("name", NFT)
def test_a_kernel_that_tells_the_rules_of_all_tables_at_once_tells_the_same(name: str) -> None:
    assert tables(name, old=True) == tables(name)


@pytest.mark.parametrize("name", NFT)
def test_of_a_host_with_many_rules_it_is_seen_all_the_same_which_table_is_incompatible(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(present, "_TRANSLATED", 0)
    said = {table: was for table, was in NFT[name]["iptables_nft_save"].items() if was != "error"}
    found = {"{family} {name}".format(**one): as_iptables_says(one) for one in tables(name)}
    assert {table: found[table] for table in said} == said


def test_the_state_of_a_connection_is_read_in_rules_of_iptables() -> None:
    first = tables("rejecting-by-iptables")[0]["chains"]["FORWARD"]["rules"][0]
    assert first == {"verdict": "accept", "to": "", "if": [["ct state", "any", 6]]}


@pytest.mark.parametrize("name", LEGACY)
def test_a_legacy_table_has_as_many_rules_as_iptables_legacy_save_prints(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = {one["name"]: one["lines"] for one in legacy_tables(name, monkeypatch, tmp_path)}
    assert found == LEGACY[name]["iptables_save"]


def legacy_tables(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    answers = LEGACY[name]["answers"]
    monkeypatch.setattr(present, "_ask", lambda _raw, option, table, *_rest: bytes.fromhex(answers[table][str(option)]))
    return present.legacy_tables(tree(tmp_path, {"/proc/net/ip_tables_names": "\n".join(answers)}))


@pytest.mark.parametrize("name", sorted(LEGACY))
def test_both_backends_are_read_alike(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same commands of iptables make the same chains, but for how a match of a protocol is written."""
    by_legacy = {one["name"]: one["chains"] for one in legacy_tables(name, monkeypatch, tmp_path)}
    for table in tables(name):
        for chain, one in table["chains"].items():
            other = by_legacy[table["name"]][chain]
            assert [(rule["verdict"], rule["to"]) for rule in one["rules"]] == [
                (rule["verdict"], rule["to"]) for rule in other["rules"]
            ]
            # iptables-nft has no base chain before it needs one, and the same policy where it has.
            assert (one["hook"], one["policy"]) == (other["hook"], other["policy"])
            for mine, its in zip(one["rules"], other["rules"]):
                links = [
                    [part for part in rule["if"] if part[0] in ("iif", "oif", "saddr", "daddr", "ct state")]
                    for rule in (mine, its)
                ]
                assert sorted(links[0]) == sorted(links[1])


FATES = [
    ("laptop-firewall", OVERLAY, "fail"),
    ("router", OVERLAY, "warn"),
    ("told-of-pods", OVERLAY, "ok"),
    ("told-of-pods-by-network", OVERLAY, "ok"),
    ("told-of-pods-by-network", {"pod_cidrs": ["192.168.0.0/16"], "encapsulation": "vxlan"}, "fail"),
    ("told-of-pods-by-network", {"encapsulation": "vxlan"}, "warn"),
    ("firewalld", OVERLAY, "warn"),
    ("firewalld-trusting", OVERLAY, "ok"),
    ("docker-drop", OVERLAY, "ok"),
    ("docker-drop", {**OVERLAY, "dataplane": "nftables"}, "fail"),
    ("docker-drop", {**OVERLAY, "iptables_backend": "legacy"}, "fail"),
    ("rejecting-by-iptables", OVERLAY, "ok"),
    ("rejecting-by-iptables", {**OVERLAY, "dataplane": "nftables"}, "warn"),
    ("native-in-built-in", {**OVERLAY, "dataplane": "nftables"}, "fail"),
    ("tailscale", OVERLAY, "ok"),
    ("kubelet-and-proxy", OVERLAY, "ok"),
]


@pytest.mark.parametrize(("name", "settings", "expected"), FATES)
def test_what_drops_pods_packets_beside_calico_is_told(name: str, settings: dict[str, Any], expected: str) -> None:
    assert status("forward_policy_drop", with_rules(name), **settings) == expected


def test_the_chain_that_drops_is_named_with_the_packets_that_it_drops() -> None:
    found = judgement("forward_policy_drop", with_rules("laptop-firewall"), **OVERLAY)
    assert found.observed == "table inet filter, chain forward (hook forward): packets from a pod to another node's"


def test_a_legacy_chain_that_rejects_is_told_beside_the_nft_backend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    facts = healthy() | {"host.legacy": {"value": legacy_tables("docker-drop", monkeypatch, tmp_path)}}
    assert status("forward_policy_drop", facts, **OVERLAY) == "ok"
    assert status("forward_policy_drop", facts, **OVERLAY, iptables_backend="nft") == "fail"


MASQUERADING = [
    ("base-chain-of-another-name", {**POOL, "encapsulation": "none"}, "fail"),
    ("base-chain-of-another-name", OVERLAY, "ok"),
    ("base-chain-of-another-priority", {**POOL, "encapsulation": "none"}, "ok"),
    ("docker-drop", {**POOL, "encapsulation": "none"}, "ok"),
    ("docker-drop", {"encapsulation": "none"}, "ok"),
    ("docker-drop", {"encapsulation": "none", "pod_cidrs": ["172.17.0.0/16"]}, "fail"),
    ("gateway", OVERLAY, "fail"),
    ("kubelet-and-proxy", {**POOL, "encapsulation": "none"}, "ok"),
    ("tailscale", {**POOL, "encapsulation": "none"}, "ok"),
    ("masquerading-all", OVERLAY, "fail"),
    ("legacy-chains", OVERLAY, "fail"),
]


@pytest.mark.parametrize(("name", "settings", "expected"), MASQUERADING)
def test_what_rewrites_pods_addresses_between_pods_is_told(name: str, settings: dict[str, Any], expected: str) -> None:
    assert status("foreign_masquerade", with_rules(name), **settings) == expected


READABLE = [
    ("tailscale", {"iptables_backend": "nft", "calico_version": "3.28"}, "fail"),
    ("base-chain-of-another-name", {"iptables_backend": "nft"}, "ok"),
    ("base-chain-of-another-priority", {"iptables_backend": "nft"}, "ok"),
    ("native-in-built-in", {}, "fail"),
    ("readable-native", {"iptables_backend": "nft"}, "fail"),
    ("laptop-firewall", {"iptables_backend": "nft"}, "ok"),
    ("docker-drop", {}, "ok"),
    ("kubelet-and-proxy", {}, "ok"),
]


@pytest.mark.parametrize(("name", "settings", "expected"), READABLE)
def test_native_rules_in_tables_of_iptables_are_told(name: str, settings: dict[str, Any], expected: str) -> None:
    assert status("nft_rules_readable", with_rules(name), **settings) == expected


def test_the_chain_and_the_expression_that_iptables_cannot_show_are_named() -> None:
    found = judgement("nft_rules_readable", with_rules("tailscale"), iptables_backend="nft", calico_version="3.30")
    assert found.observed == "table ip nat, chain ts-postrouting: the expression masq"


def test_what_only_the_newer_iptables_stumbles_over_is_told_from_calico_3_32_on() -> None:
    facts = healthy() | {"host.nft": {"value": [one for one in tables("tailscale") if one["name"] == "filter"]}}
    assert status("nft_rules_readable", facts, iptables_backend="nft", calico_version="3.31") == "ok"
    assert status("nft_rules_readable", facts, iptables_backend="nft", calico_version="3.32") == "fail"


def chains(**more: Any) -> fate.Chains:
    return {"base": base_chain({"verdict": "jump", "to": "inner", "if": []}, policy="drop"), **more}


def rule(verdict: str, *conditions: list[Any], to: str = "") -> dict[str, Any]:
    return {"verdict": verdict, "to": to, "if": list(conditions)}


PACKET = fate.Packet("", "ip", "cali0123456789a", "eth0", ["10.244.0.0/16"], ["10.244.0.0/16"])
WALKS = [
    ([], ("drop", True)),
    ([rule("accept")], ("accept", True)),
    ([rule("accept", ["iif", "==", "eth0"])], ("drop", True)),
    ([rule("accept", ["oif", "!=", "eth1"])], ("accept", True)),
    ([rule("drop", ["iif", "!=", "eth0"])], ("drop", True)),
    ([rule("accept", ["mark", "?", ""])], ("drop", False)),
    ([rule("drop", ["mark", "?", ""]), rule("accept")], ("accept", True)),
    ([rule("return", ["mark", "?", ""]), rule("accept")], ("accept", False)),
    ([rule("accept", ["ct state", "any", 6])], ("drop", True)),
    ([rule("accept", ["ct state", "none", 1])], ("accept", True)),
    ([rule("accept", ["saddr", "==", "10.244.7.0/24"])], ("drop", False)),
    ([rule("accept", ["saddr", "==", "10.0.0.0/8"], ["daddr", "!=", "192.168.0.0/16"])], ("accept", True)),
    ([rule("accept", ["saddr", "==", "fd00::/8"])], ("drop", True)),
    ([rule("accept", ["oif index", "==", 2])], ("accept", True)),
    ([rule("accept", ["oif index", "==", 3])], ("drop", True)),
    ([rule("goto", to="gone")], ("drop", True)),
    ([rule("map", ["ct state", "?", ""])], ("drop", True)),
    ([rule("map", ["iif", "?", ""])], ("drop", False)),
    ([rule("reject")], ("reject", True)),
    ([rule("return"), rule("accept")], ("drop", True)),
    ([rule("jump", to="inner")], ("drop", False)),
]


@pytest.mark.parametrize(("rules", "expected"), WALKS)
def test_a_packet_is_followed_through_chains(rules: list[dict[str, Any]], expected: tuple[str, bool]) -> None:
    inner = {**base_chain(*rules), "hook": None, "policy": None}
    assert fate.of(chains(inner=inner), "base", PACKET, {2: "eth0", 3: "eth1"}) == expected


def test_a_chain_that_is_not_shown_to_its_end_leaves_the_verdict_open() -> None:
    inner = {**base_chain(), "more": True}
    assert fate.of(chains(inner=inner), "base", PACKET, {}) == ("drop", False)


def test_no_more_is_read_of_a_host_than_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "_RULES", 5)
    monkeypatch.setattr(present, "_CHAINS", 2)
    found = tables("firewalld")[0]["chains"]
    assert len(found) == 2
    assert all(len(one["rules"]) <= 5 for one in found.values())
    assert found["filter_FORWARD"]["more"]


def test_rules_of_tables_that_no_packet_of_a_pod_meets_are_not_asked_for() -> None:
    head = struct.pack("=BBH", 2, 0, 0)
    name = b"\x0f\0\x01\0kube-proxy\0\0"
    kernel = Kernel({"tables": [(head + name).hex()], "chains": [], "rules": []})
    assert present.nft_tables(kernel)[0]["name"] == "kube-proxy"  # type: ignore[arg-type]
    assert kernel.asked == 2
