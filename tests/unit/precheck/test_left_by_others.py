# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others left on a host: rules of two backends, kube-proxy's, sets of another plugin, NetworkManager's orders."""

from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import present
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.netlink import text, u8
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import networkmanager
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules import versions
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream import iptables_backend

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.faults import table_of_nft
from tests.unit.precheck.kernels import RawFacts, healthy, knowing, with_modules
from tests.unit.precheck.trees import tree


def table(name: str, *owners: str, rules: int = 3, family: str = "ip") -> dict[str, Any]:
    return table_of_nft(name, *owners, rules=rules, lines=rules, family=family)


def legacy_table(name: str, *owners: str, rules: int = 3) -> dict[str, Any]:
    told = table(name, *owners, rules=rules)
    return {key: value for key, value in told.items() if key not in ("family", "unreadable")}


def left(nft: list[dict[str, Any]] | None = None, legacy: list[dict[str, Any]] | None = None) -> RawFacts:
    return healthy() | {"host.nft": {"value": nft or []}, "host.legacy": {"value": legacy or []}}


def test_one_backend_of_iptables_is_as_good_as_the_other() -> None:
    for facts in (left(), left(nft=[table("filter", "kubelet")]), left(legacy=[legacy_table("filter", "kubelet")])):
        assert status("ipt_backend_conflict", facts) == "ok"


def test_rules_in_both_backends_are_warned_about() -> None:
    found = judgement(
        "ipt_backend_conflict", left([table("nat", "docker")], [legacy_table("filter", "kubelet", rules=7)])
    )
    assert (found.status, found.observed) == ("warn", "rules by iptables-nft: 3, by iptables-legacy: 7")


def test_a_backend_that_is_fixed_and_not_kubernetes_own_fails() -> None:
    facts = left(nft=[table("mangle", "kubelet")])
    assert status("ipt_backend_conflict", facts, iptables_backend="legacy") == "fail"
    assert status("ipt_backend_conflict", facts, iptables_backend="nft") == "ok"


def test_tables_of_nft_itself_are_no_backend_of_iptables() -> None:
    facts = left(
        [table("firewalld", family="inet"), table("kube-proxy", "kube-proxy")], [legacy_table("filter", "kubelet")]
    )
    assert status("ipt_backend_conflict", facts) == "ok"


def without_legacy(**facts: Any) -> RawFacts:
    found = with_modules(left(**facts), "absent", "ip_tables")
    return found | {"legacy.set.inet": {"errno": errno.ENOPROTOOPT, "text": "match set"}}


def not_joined(facts: RawFacts) -> RawFacts:
    return knowing(facts, listeners={})


def test_a_kernel_without_legacy_iptables_is_warned_about_while_felix_would_take_it() -> None:
    assert status("legacy_iptables_absent", not_joined(without_legacy())) == "warn"
    assert status("legacy_iptables_absent", without_legacy(), iptables_backend="nft") == "ok"
    assert status("legacy_iptables_absent", without_legacy(), iptables_backend="legacy") == "fail"
    assert status("legacy_iptables_absent", without_legacy(), dataplane="nftables") == "not_applicable"


def test_a_kernel_without_legacy_iptables_fails_once_a_kubelet_runs_that_left_no_hint() -> None:
    assert status("legacy_iptables_absent", without_legacy()) == "fail"
    assert status("legacy_iptables_absent", without_legacy(nft=[table("nat", "kubelet", rules=0)])) == "fail"


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_a_hint_is_a_chain_and_needs_no_rule(family: str) -> None:
    hinted = table("mangle", "kubelet", rules=0, family=family)
    assert status("legacy_iptables_absent", without_legacy(nft=[hinted])) == "ok"


def test_a_table_that_iptables_cannot_show_has_no_hint_and_no_rule() -> None:
    native = {"chain": "x", "why": "the expression ct", "only_newer": False}
    hidden = {**table("mangle", "kubelet"), "lines": 0, "unreadable": [native]}
    assert status("legacy_iptables_absent", without_legacy(nft=[hidden])) == "fail"
    shown = {**hidden, "unreadable": [{**native, "only_newer": True}]}
    assert status("legacy_iptables_absent", without_legacy(nft=[shown])) == "ok"


def test_without_hints_more_rules_decide_and_a_tie_is_legacy() -> None:
    detect = iptables_backend.detect
    assert detect("auto", [table("nat", rules=4)], [legacy_table("nat", rules=3)]) == ("nft", "rules")
    assert detect("auto", [table("nat", rules=3)], [legacy_table("nat", rules=3)]) == ("legacy", "rules")
    assert detect("auto", [], []) == ("legacy", "default")
    assert detect("auto", [table("nat", rules=9)], [legacy_table("mangle", "kubelet", rules=0)]) == ("legacy", "hint")
    assert detect("nft", [], [legacy_table("mangle", "kubelet")]) == ("nft", "setting")


def test_legacy_iptables_that_answers_is_there_whatever_the_modules_say() -> None:
    facts = with_modules(healthy(), "absent", "ip_tables") | {"legacy.set.inet": {"errno": errno.ENOENT, "text": ""}}
    assert status("legacy_iptables_absent", facts) == "ok"


KUBE_PROXY = {
    "iptables": left(nft=[table("nat", "kube-proxy")]),
    "iptables, by legacy": left(legacy=[legacy_table("nat", "kube-proxy")]),
    "nftables": left(nft=[table("kube-proxy", family="ip6")]),
}


@pytest.mark.parametrize(
    ("mode", "dataplane", "expected"),
    [
        ("iptables", "iptables", "ok"),
        ("iptables, by legacy", "iptables", "ok"),
        ("nftables", "iptables", "fail"),
        ("iptables", "nftables", "fail"),
        ("nftables", "nftables", "ok"),
        ("iptables", "bpf", "warn"),
        ("nftables", "bpf", "warn"),
    ],
)
def test_the_mode_of_kube_proxy_goes_with_the_data_plane(mode: str, dataplane: str, expected: str) -> None:
    assert status("kube_proxy_mode_match", KUBE_PROXY[mode], dataplane=dataplane) == expected


def test_kube_proxy_by_ipvs_goes_with_iptables_only() -> None:
    facts = left(nft=[table("nat", "kube-proxy")])
    links = [*facts["links"]["value"], {**facts["links"]["value"][1], "name": "kube-ipvs0", "index": 9}]
    facts = knowing(facts, links=links)
    assert status("kube_proxy_mode_match", facts) == "ok"
    assert status("kube_proxy_mode_match", facts, dataplane="nftables") == "fail"


def test_rules_of_two_modes_are_warned_about() -> None:
    assert status("kube_proxy_mode_match", left([table("nat", "kube-proxy"), table("kube-proxy")])) == "warn"


@pytest.mark.parametrize("dataplane", ["iptables", "nftables", "bpf"])
def test_a_host_that_has_not_joined_has_nothing_of_kube_proxy(dataplane: str) -> None:
    assert status("kube_proxy_mode_match", left(), dataplane=dataplane) == "ok"


def test_where_nf_tables_is_not_loaded_nothing_can_have_been_left() -> None:
    facts = healthy() | {"host.nft": {"unexercised": ["nf_tables"]}}
    assert status("kube_proxy_mode_match", facts) == "ok"


def sets(*found: tuple[str, str, int]) -> RawFacts:
    value = [{"name": name, "type": kind, "revision": revision} for name, kind, revision in found]
    return healthy() | {"host.ipset": {"value": value}}


NEWER_OF_FELIX = (
    *(("cali40this-host", "hash:ip", 6), ("cali60s:x", "hash:net", 9), ("felix-4-x", "hash:net", 8)),
    *(("felix-all-ipam-pools", "hash:net", 8), ("cali4t7", "hash:ip,port", 7)),
)


@pytest.mark.parametrize(
    ("calico", "expected"),
    [("3.28", "fail"), ("3.29", "fail"), ("3.30", "warn"), ("3.31", "warn"), ("3.32", "ok"), ("3.33", "ok")],
)
@pytest.mark.parametrize("one", NEWER_OF_FELIX, ids=lambda one: one[0])
def test_a_set_of_felixs_own_that_another_image_left_stops_a_felix_that_cannot_make_it_anew(
    one: tuple[str, str, int], calico: str, expected: str
) -> None:
    found = judgement(
        "ipset_foreign_revision", sets(("cali40all-ipam-pools", "hash:net", 7), one), calico_version=calico
    )
    assert found.status == expected
    if expected != "ok":
        assert found.observed == "{} ({} revision {})".format(*one)


@pytest.mark.parametrize("calico", sorted(versions.DOCUMENTED))
def test_felix_reads_no_sets_of_others_and_its_own_of_old_are_well(calico: str) -> None:
    foreign = (
        ("KUBE-SRC-X", "hash:ip", 6),
        ("f2b-calico", "hash:ip", 6),
        ("calico", "hash:net", 9),
        ("felix-x", "hash:net", 9),
    )
    own = (("cali40this-host", "hash:ip", 5), ("cali60s:x", "hash:net", 7))
    assert status("ipset_foreign_revision", sets(*foreign, *own), calico_version=calico) == "ok"


def test_who_runs_a_calico_that_was_mended_within_a_minor_version_learns_which_patch_did_it() -> None:
    found = judgement("ipset_foreign_revision", sets(("cali40this-host", "hash:ip", 6)), calico_version="3.31")
    assert "before 3.31.3 Felix panics" in found.message
    assert (found.remedy or "").startswith("run Calico 3.31.3 or newer")


def nm(
    *unmanaged: str, managed_cali: list[str] | None = None, sections: list[dict[str, Any]] | None = None
) -> RawFacts:
    found = {"running": True, "unmanaged": list(unmanaged), "managed_cali": managed_cali or []}
    found["sections"] = sections or []
    return knowing(healthy(), networkmanager=found)


DOCUMENTED = (
    *("interface-name:cali*", "interface-name:tunl*", "interface-name:vxlan.calico"),
    *("interface-name:vxlan-v6.calico", "interface-name:wireguard.cali", "interface-name:wg-v6.cali"),
)


def test_networkmanager_that_does_as_documented_is_well() -> None:
    every = {"encapsulation": "vxlan", "ipv6": True, "wireguard": True}
    assert status("networkmanager_unmanaged", nm(*DOCUMENTED), **every) == "ok"
    assert status("networkmanager_unmanaged", nm("*", "except:interface-name:eth0")) == "ok"


def test_networkmanager_that_was_told_nothing_is_warned_about_and_the_devices_are_named() -> None:
    found = judgement("networkmanager_unmanaged", nm("interface-name:cali*"))
    assert (found.status, found.expected) == ("warn", "it covers tunl0")
    assert status("networkmanager_unmanaged", nm("*", "except:interface-name:tunl0")) == "warn"


def test_devices_that_it_manages_already_fail() -> None:
    assert status("networkmanager_unmanaged", nm(*DOCUMENTED, managed_cali=["cali12"])) == "fail"


def test_its_files_are_read_as_it_reads_them(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "/run/NetworkManager/NetworkManager.pid": "1\n",
            "/etc/NetworkManager/NetworkManager.conf": "[main]\nunmanaged-devices=no\n[keyfile]\nunmanaged-devices=a\n",
            "/usr/lib/NetworkManager/conf.d/10-x.conf": "[keyfile]\nunmanaged-devices=b;c\n",
            "/etc/NetworkManager/conf.d/calico.conf": "[keyfile]\nunmanaged-devices+=interface-name:cali*;\n",
        },
    )
    assert networkmanager.survey(root)["unmanaged"] == ["a", "interface-name:cali*"]


def test_a_file_of_this_boot_replaces_the_distributions_and_etc_both(tmp_path: Path) -> None:
    path = "{}/NetworkManager/conf.d/10-x.conf"
    texts = {
        path.format(folder): f"[keyfile]\nunmanaged-devices+={folder}\n" for folder in ("/usr/lib", "/run", "/etc")
    }
    assert networkmanager.unmanaged(networkmanager.configuration(tree(tmp_path, texts))) == ["/etc"]
    (tmp_path / "etc/NetworkManager/conf.d/10-x.conf").unlink()
    assert networkmanager.unmanaged(networkmanager.configuration(tree(tmp_path))) == ["/run"]


def test_a_file_in_etc_replaces_the_distributions_of_the_same_name(tmp_path: Path) -> None:
    files = {
        "/usr/lib/NetworkManager/conf.d/10-x.conf": "[keyfile]\nunmanaged-devices=b\n",
        "/etc/NetworkManager/conf.d/10-x.conf": "[keyfile]\nunmanaged-devices=c\n",
    }
    assert networkmanager.unmanaged(networkmanager.configuration(tree(tmp_path, files))) == ["c"]


def test_what_the_distribution_says_is_read_before_the_main_file(tmp_path: Path) -> None:
    """NetworkManager.conf(5): /usr/lib first, then /run, both before NetworkManager.conf; /etc last."""
    files = {
        f"{folder}/NetworkManager/conf.d/{name}.conf": f"[keyfile]\nunmanaged-devices+={folder[1:4]}-{name}\n"
        for folder, name in [("/usr/lib", "20-x"), ("/run", "10-x"), ("/etc", "10-y"), ("/usr/lib", "90-x")]
    }
    main = {"/etc/NetworkManager/NetworkManager.conf": "[keyfile]\nunmanaged-devices+=main\n"}
    found = networkmanager.unmanaged(networkmanager.configuration(tree(tmp_path, files, main)))
    assert found == ["usr-20-x", "usr-90-x", "run-10-x", "main", "etc-10-y"]


DEVICES = {"match": ["interface-name:cali*", "interface-name:tunl*"], "managed": False, "stop": False}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ([DEVICES], "ok"),
        ([{**DEVICES, "managed": True}], "warn"),
        ([{**DEVICES, "managed": None}], "warn"),
        ([{**DEVICES, "match": None}], "ok"),
        ([{**DEVICES, "match": ["type:veth", "type:iptunnel"]}], "ok"),
        ([{**DEVICES, "match": ["driver:veth", "driver:ipip"]}], "ok"),
        ([{**DEVICES, "match": ["type:ethernet"]}], "warn"),
        ([{**DEVICES, "match": ["*", "except:interface-name:eth0"]}], "ok"),
        ([{"match": None, "managed": True, "stop": False}, DEVICES], "warn"),
        ([{"match": None, "managed": None, "stop": True}, DEVICES], "warn"),
        ([{"match": ["interface-name:eth*"], "managed": True, "stop": True}, DEVICES], "ok"),
    ],
)
def test_a_section_on_devices_is_another_way_to_tell_networkmanager(
    sections: list[dict[str, Any]], expected: str
) -> None:
    assert status("networkmanager_unmanaged", nm(sections=sections)) == expected


def test_sections_on_devices_are_asked_in_its_order() -> None:
    """From the top of the last file, and of a file plain [device] last."""
    first = "[device]\nmanaged=1\n[device-a]\nmatch-device=interface-name:cali*;type:veth\nmanaged=0\n"
    second = "[device-b]\nstop-match=yes\n# managed=1\n[main]\nmanaged=0\n"
    assert networkmanager.sections([first, second]) == [
        {"match": None, "managed": None, "stop": True},
        {"match": ["interface-name:cali*", "type:veth"], "managed": False, "stop": False},
        {"match": None, "managed": True, "stop": False},
    ]


def test_a_device_that_it_took_into_its_care_is_seen(tmp_path: Path) -> None:
    files = {
        "/run/NetworkManager/NetworkManager.pid": "1\n",
        "/sys/class/net/cali12/ifindex": "7\n",
        "/sys/class/net/cali13/ifindex": "8\n",
        "/sys/class/net/cali14/ifindex": "9\n",
        "/run/NetworkManager/devices/7": "[device]\nmanaged=true\n",
        "/run/NetworkManager/devices/8": "[device]\nmanaged=false\n",
        # Unmanaged by a rule or the configuration: the key is left out.
        "/run/NetworkManager/devices/9": "[device]\nnm-owned=false\n",
    }
    assert networkmanager.survey(tree(tmp_path, files))["managed_cali"] == ["cali12"]


class Answers:
    """Stands for a netlink connection: payloads by the kind of message."""

    def __init__(self, payloads: dict[int, list[bytes]]) -> None:
        self.payloads = payloads

    def request(self, kind: int, flags: int, body: bytes, step: str = "") -> list[bytes]:
        return self.payloads[kind]


def test_set_headers_are_read() -> None:
    head = struct.pack("=BBH", 2, 0, 0)
    answers = Answers({(6 << 8) | 7: [head + text(2, "x") + text(3, "hash:ip") + u8(4, 6)]})
    assert present.set_headers(answers) == [  # type: ignore[arg-type]
        {"name": "x", "type": "hash:ip", "revision": 6}
    ]


@pytest.mark.parametrize(
    ("release", "expected"), [("5.13.0", "ok"), ("5.10.0-1-amd64", "warn"), ("4.18.0-553.el8_10.x86_64", "warn")]
)
def test_nftables_is_documented_for_newer_kernels(release: str, expected: str) -> None:
    assert status("nft_kernel_version", knowing(healthy(), kernel_release=release), dataplane="nftables") == expected


@pytest.mark.parametrize(("version", "expected"), [("3.28", "ok"), ("3.29", "fail"), ("3.33", "fail")])
def test_what_is_asked_of_a_kernel_goes_by_the_version_of_calico(version: str, expected: str) -> None:
    facts = knowing(healthy(), kernel_release="5.4.0-216-generic")
    assert status("kernel_min", facts, calico_version=version) == expected


def test_without_legacy_tables_none_is_asked_for(tmp_path: Path) -> None:
    assert present.legacy_tables(tree(tmp_path)) == []


@pytest.mark.parametrize(("version", "words"), [("3.31", "does not go with"), ("3.32", "Felix follows kube-proxy")])
def test_since_3_32_felix_goes_by_what_kube_proxy_does_and_that_was_not_checked(version: str, words: str) -> None:
    """Operator 1.42 sets nftablesMode Auto where 1.40 set Enabled."""
    facts = left(nft=[table("nat", "kube-proxy")])
    found = judgement("kube_proxy_mode_match", facts, dataplane="nftables", calico_version=version)
    assert (found.status, words in found.message) == ("fail", True)
    nothing = judgement("kube_proxy_mode_match", left(), dataplane="nftables", calico_version=version)
    assert nothing.status == "ok"
