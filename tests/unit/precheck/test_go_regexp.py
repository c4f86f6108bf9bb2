# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions mean here what they mean to Go, or are refused; each verdict is that of Go's regexp (pkg.go.dev/regexp/syntax)."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream.go_regexp import (
    NotGo,
    any_of,
    compiled,
)


@pytest.mark.parametrize(
    ("expression", "name", "found"),
    [
        ("eth", "veth0", True),
        ("^eth", "veth0", False),
        ("eth0$", "eth0", True),
        (r"eth0\z", "eth0.1", False),
        (r"^vxlan\.calico.*", "vxlan-calico", False),
        ("^en[[:alpha:]]+[[:digit:]]+$", "enp3", True),
        ("^en[[:alpha:]]+[[:digit:]]+$", "en:3", False),
        (r"\Qeth0.1\E$", "eth0.1", True),
        (r"\Qeth0.1\E$", "eth0x1", False),
        ("(?i)^ETH", "eth0", True),
        ("(?i:E)th", "eth0", True),
        ("(?U)e.*0", "eth0", True),
        (r"\x65th", "eth0", True),
        ("eth{,2}", "eth{,2}", True),
        ("eth{,2}", "etth", False),
        ("e{2}", "ee", True),
        (r"^\w+$", "ethü", False),
        (r"[]a]", "]", True),
        ("(?P<card>eth)0", "eth0", True),
        ("eth0|", "anything", True),
        ("^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)", "enp1s0", True),
        ("^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)", "bond0", False),
    ],
)
def test_a_name_is_searched_as_go_searches_it(expression: str, name: str, found: bool) -> None:
    assert bool(compiled(expression).search(name)) is found


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "^(?!docker)",
            "(?=eth)",
            "(?<=e)th",
            "(?<!e)th",
            r"(e)\1",
            "e**",
            "e*+",
            "e++",
            "(",
            "e)",
            "[e",
            "e{1001}",
            "*e",
        ),
        *(r"eth\Z", "(?P=x)", "(?#x)", r"\y", "[z-a]", "\\"),
    ],
)
def test_what_go_refuses_is_refused(expression: str) -> None:
    with pytest.raises(NotGo):
        compiled(expression)


def test_several_are_alternatives_each_with_its_own_flags() -> None:
    both = any_of(["(?i)^ETH", "^wl"])
    assert [bool(both.search(name)) for name in ("eth0", "wlan0", "WLAN0")] == [True, True, False]


def test_an_empty_one_among_several_matches_every_name() -> None:
    assert any_of(["eth0", ""]).search("tailscale0")
