# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.reach_text import reach_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach.report import assemble_reach

PORTS = {"tcp/5473": "listening"}
WHY = "the port is in use there, its listener was gone, or there is no address of its family"


def answers(outcomes: dict[tuple[str, str], str], hosts: str = "abc", **ended: bool) -> Any:
    """Every host listened and asked every other; what `outcomes` does not name was well."""
    return {
        host: {
            "listening": {"ports": PORTS},
            "probed": {"reached": {to: {"tcp/5473": outcomes.get((host, to), "ok")} for to in hosts if to != host}},
            "ended": {"listened": ended.get(host, True)},
        }
        for host in hosts
    }


def found(report: Any) -> list[tuple[str, list[str], list[str]]]:
    return [(finding["outcome"], finding["sources"], finding["destinations"]) for finding in report["findings"]]


def test_a_fleet_in_which_all_reach_all_passes() -> None:
    report = assemble_reach(answers({}))
    assert (report["outcome"], report["probes"], report["reached"], report["findings"]) == ("passed", 6, 6, [])


def test_a_host_that_nobody_reaches_is_one_finding() -> None:
    report = assemble_reach(answers({("a", "c"): "timeout", ("b", "c"): "timeout"}))
    assert found(report) == [("timeout", ["a", "b"], ["c"])]
    assert report["outcome"] == "failed"
    assert report["reason"] == "tcp/5473: no answer from c, asked by a, b"


def test_a_host_that_reaches_nobody_is_one_finding() -> None:
    assert found(assemble_reach(answers({("a", "b"): "refused", ("a", "c"): "refused"}))) == [
        ("refused", ["a"], ["b", "c"])
    ]


def test_a_pair_that_fails_alone_is_told_as_a_pair() -> None:
    assert found(assemble_reach(answers({("a", "b"): "unreachable"}))) == [("unreachable", ["a"], ["b"])]


def test_a_way_that_loses_whole_packets_is_a_finding_of_its_own_with_their_size() -> None:
    given = answers({("a", "c"): "too_big", ("b", "c"): "too_big"})
    for host, size in (("a", 1500), ("b", 1450), ("c", 1400)):
        given[host]["probed"]["packets"] = {"tcp/5473": size}
    report = assemble_reach(given)
    (finding,) = report["findings"]
    assert (finding["outcome"], finding["packet"], finding["destinations"]) == ("too_big", 1450, ["c"])
    assert report["outcome"] == "failed"
    assert report["reason"] == "tcp/5473: small packets arrive, whole ones of 1450 bytes do not, at c, asked by a, b"
    assert "let whole packets of 1450 bytes through" in finding["remedy"]
    assert "precheck_mtu" in finding["remedy"]


def test_a_whole_packet_that_met_no_listener_any_more_proves_nothing() -> None:
    report = assemble_reach(answers({("a", "b"): "too_big"}, b=False))
    assert (report["outcome"], report["findings"], report["not_provable"]) == ("not_proven", [], 1)


def test_a_network_that_lets_nothing_through_is_one_finding() -> None:
    pairs = {(source, to): "timeout" for source in "abc" for to in "abc" if source != to}
    assert found(assemble_reach(answers(pairs))) == [("timeout", ["a", "b", "c"], ["a", "b", "c"])]


def test_a_port_in_use_is_no_fault_and_counted() -> None:
    report = assemble_reach(answers({("a", "b"): "not_provable", ("a", "c"): "answered"}))
    assert (report["outcome"], report["reached"], report["not_provable"]) == ("passed", 5, 1)
    assert reach_text(report) == f"Result: 5 of 6 probes reached their host, 1 not provable ({WHY})."


def test_a_refusal_of_a_host_whose_listener_had_ended_proves_nothing() -> None:
    report = assemble_reach(answers({("a", "b"): "refused"}, b=False))
    assert (report["ended_early"], report["findings"], report["not_provable"]) == (["b"], [], 1)
    assert reach_text(report).splitlines() == [
        f"{report['reason']}.",
        "    raise precheck_reach_seconds or the forks, and ask again",
        f"Result: 5 of 6 probes reached their host, 1 not provable ({WHY}).",
    ]


def test_a_listener_that_ended_early_is_no_pass_however_the_others_answered() -> None:
    report = assemble_reach(answers({}, b=False))
    assert report["outcome"] == "not_proven"
    assert report["reason"] == "listeners ended before the step did, and what was asked of them proves nothing: b"


def test_a_fault_that_was_found_weighs_more_than_a_listener_that_ended_early() -> None:
    assert assemble_reach(answers({("a", "c"): "timeout"}, b=False))["outcome"] == "failed"


def test_a_run_that_proved_nothing_is_no_pass() -> None:
    everywhere = {(source, to): "not_provable" for source in "abc" for to in "abc"}
    report = assemble_reach(answers(everywhere))
    assert (report["outcome"], report["reached"], report["not_provable"]) == ("not_proven", 0, 6)
    assert report["reason"].startswith("nothing was proven")
    assert "name free ones in precheck_reach_targets" in reach_text(report)
    del everywhere["a", "b"]
    assert assemble_reach(answers(everywhere))["outcome"] == "passed"


def test_hosts_that_listened_and_asked_nobody_proved_nothing() -> None:
    given = answers({})
    for host in given.values():
        host["probed"] = {"reached": {}}
    assert assemble_reach(given)["outcome"] == "not_proven"


def test_check_mode_says_that_nothing_was_asked() -> None:
    given = {
        host: {"listening": {"ports": {}}, "probed": {"reached": {}}, "ended": {"listened": False}} for host in "ab"
    }
    report = assemble_reach(given)
    assert (report["outcome"], report["ended_early"]) == ("not_asked", [])
    assert reach_text(report) == "Result: nothing was asked: check mode neither listens nor sends."


def test_one_host_alone_says_that_nothing_was_asked() -> None:
    report = assemble_reach(answers({}, hosts="a"))
    assert (report["outcome"], report["hosts"]) == ("not_asked", ["a"])
    assert reach_text(report) == "Result: nothing was asked: 1 host took part, and it takes two."


def test_one_host_alone_that_took_no_part_fails() -> None:
    assert assemble_reach({"a": {}})["outcome"] == "failed"


def test_a_host_that_took_no_part_is_named_with_its_reason() -> None:
    given = answers({})
    given["c"] = {"listening": {"unreachable": True, "msg": "Connection refused\nmore"}}
    given["d"] = {}
    report = assemble_reach(given)
    assert report["silent"] == {
        "c": "Connection refused",
        "d": "it has no address that calico-node would use, or did not get so far",
    }
    assert report["outcome"] == "failed"
    assert report["reason"] == "2 hosts took no part: c, d"


def test_the_hypervisors_vxlan_is_thought_of_where_it_has_the_port() -> None:
    for target, thought_of in (("udp/4789", True), ("udp6/4789", True), ("udp/8472", False)):
        given = {
            "a": {
                "listening": {"ports": {}},
                "probed": {"reached": {"b": {target: "timeout"}}},
                "ended": {"listened": True},
            }
        }
        (finding,) = assemble_reach(given)["findings"]
        assert ("the hypervisor's own VXLAN" in finding["remedy"]) is thought_of
        assert target in finding["remedy"]


def test_the_text_tells_the_fault_its_remedy_and_the_result() -> None:
    text = reach_text(assemble_reach(answers({("a", "c"): "timeout", ("b", "c"): "timeout"})))
    assert text.splitlines() == [
        "tcp/5473: no answer from c, asked by a, b.",
        "    let tcp/5473 through between the nodes (security groups, host firewalls)",
        "Result: 4 of 6 probes reached their host.",
    ]
