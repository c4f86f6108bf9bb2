# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.modules.host_reach import refused

GIVEN: dict[str, Any] = {
    "token": "sixteen letters.",
    "address": "192.0.2.1",
    "address_v6": "2001:db8::1",
    "targets": ["tcp/179", "udp6/4789"],
    "peers": [{"name": "b", "address": "192.0.2.2", "address_v6": None, "ports": {}}],
    "packets": {"udp/4789": 1500},
    "listen_seconds": 120,
    "probe_seconds": 5,
}


def test_addresses_of_both_families_or_of_one_are_taken() -> None:
    assert refused(GIVEN) == ""
    assert refused({**GIVEN, "address": None}) == ""
    assert refused({**GIVEN, "address_v6": None}) == ""


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"address": "2001:db8::1"}, "address: '2001:db8::1' is no IPv4 address."),
        ({"address_v6": "192.0.2.1"}, "address_v6: '192.0.2.1' is no IPv6 address."),
        ({"packets": {"ip/4": 70000}}, "packets: ip/4: 70000 is not between 128 and 65535."),
        ({"packets": {"ip/4": "all"}}, "packets: ip/4: 'all' is not between 128 and 65535."),
        ({"address": ""}, "address: '' is no IPv4 address."),
        (
            {"peers": [{"name": "b", "address": None, "address_v6": "b.example", "ports": {}}]},
            "peers: address_v6: 'b.example' is no IPv6 address.",
        ),
    ],
)
def test_an_address_of_another_family_is_refused_by_its_option(options: dict[str, Any], complaint: str) -> None:
    assert refused({**GIVEN, **options}) == complaint
