# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses and listeners are read from what the kernel writes."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.netlink import (
    attribute,
    nested,
    text,
    u32,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import network

from tests.unit.precheck.trees import tree

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def socket_line(address: str, state: str, inode: int = 4711) -> str:
    return f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1\n"


def listening(base: Path, protocol: str = "tcp", **tables: str) -> list[dict[str, str | None]]:
    known = {**dict.fromkeys(("tcp", "udp"), ""), **tables}
    root = tree(base, {f"/proc/net/{name}": HEADER + line for name, line in known.items()})
    return network.listeners(root, [179]).get(f"{protocol}/179", [])


little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the lines are those of a little-endian machine")


@little_endian
def test_a_listener_is_found_with_its_address(tmp_path: Path) -> None:
    assert listening(tmp_path, tcp=socket_line("0100007F:00B3", "0A")) == [{"address": "127.0.0.1", "program": None}]


@little_endian
def test_a_listener_on_ipv6_is_found(tmp_path: Path) -> None:
    found = listening(tmp_path, tcp6=socket_line("B80D0120000000000000000001000000:00B3", "0A"))
    assert found[0]["address"] == "2001:db8::1"


@pytest.mark.parametrize(
    ("order", "text", "address"),
    [
        ("little", "0100007F", "127.0.0.1"),
        ("big", "7F000001", "127.0.0.1"),
        ("little", "B80D0120000000000000000001000000", "2001:db8::1"),
        ("big", "20010DB8000000000000000000000001", "2001:db8::1"),
    ],
)
def test_an_address_is_read_in_the_order_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, order: str, text: str, address: str
) -> None:
    monkeypatch.setattr(network.sys, "byteorder", order)
    table = "tcp" if len(text) == 8 else "tcp6"
    assert listening(tmp_path, **{table: socket_line(f"{text}:00B3", "0A")})[0]["address"] == address


def test_a_connection_or_another_port_is_no_listener(tmp_path: Path) -> None:
    lines = socket_line("00000000:00B4", "0A") + socket_line("00000000:00B3", "01") + "garbage\n"
    assert listening(tmp_path, tcp=lines) == []
    assert listening(tmp_path, "udp", udp=socket_line("00000000:00B3", "01")) == []


def test_a_datagram_socket_is_found_among_connected_ones(tmp_path: Path) -> None:
    lines = socket_line("00000000:00B3", "01") + socket_line("00000000:00B3", "07")
    assert len(listening(tmp_path, "udp", udp=lines)) == 1


@little_endian
def test_a_datagram_socket_that_is_bound_is_found_and_one_of_the_kernels_is_called_that(tmp_path: Path) -> None:
    found = listening(tmp_path, "udp", udp=socket_line("00000000:00B3", "07", inode=0))
    assert found == [{"address": "0.0.0.0", "program": "the kernel"}]


def test_without_the_kernels_table_nobody_can_be_told(tmp_path: Path) -> None:
    with pytest.raises(NoEvidence, match="/proc/net/tcp is not there"):
        network.listeners(tree(tmp_path), [179])


def test_the_program_behind_a_listener_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "proc/42/fd"
    folder.mkdir(parents=True)
    (folder / "7").symlink_to("socket:[4711]")
    (tmp_path / "proc/42/comm").write_text("bird\n", encoding="utf-8")
    assert listening(tmp_path, tcp=socket_line("00000000:00B3", "0A"))[0]["program"] == "bird"


@pytest.mark.parametrize(
    ("comm", "arguments", "program"),
    [
        ("calico", ("calico", "component", "felix"), "calico component felix"),
        ("calico", ("/usr/bin/calico", "component", "typha", "--log=info"), "calico component typha"),
        ("calico", ("calico", "ctl", "get", "nodes"), "calico"),
        ("calico", ("calico", "component"), "calico"),
        ("calico", (), "calico"),
        ("calico-node", ("calico-node", "-felix"), "calico-node"),
        # Arguments of others are not taken up: a password may be among them.
        ("exporter", ("exporter", "component", "felix", "--password=x"), "exporter"),
    ],
)
def test_a_part_of_calicos_one_program_is_named_by_its_arguments(
    tmp_path: Path, comm: str, arguments: tuple[str, ...], program: str
) -> None:
    folder = tmp_path / "proc/42/fd"
    folder.mkdir(parents=True)
    (folder / "7").symlink_to("socket:[4711]")
    (tmp_path / "proc/42/comm").write_text(f"{comm}\n", encoding="utf-8")
    (tmp_path / "proc/42/cmdline").write_text("".join(f"{one}\0" for one in arguments), encoding="utf-8")
    assert listening(tmp_path, tcp=socket_line("00000000:00B3", "0A"))[0]["program"] == program


def test_a_link_is_read_from_its_message() -> None:
    body = (
        struct.pack("=BxHiII", 0, 1, 7, 0x41, 0) + text(3, "vxlan.calico") + u32(4, 1450) + nested(18, text(1, "vxlan"))
    )
    body += attribute(1, bytes.fromhex("66a1b2c3d4e5"))
    assert network.parse_link(body) == {
        "index": 7,
        "name": "vxlan.calico",
        "kind": "vxlan",
        "vxlan": {"vni": 0, "port": 0},
        "mtu": 1450,
        "up": True,
        "running": True,
        "master": None,
        "mac": "66:a1:b2:c3:d4:e5",
    }


@pytest.mark.parametrize(("flags", "up", "running"), [(0x41, True, True), (0x01, True, False), (0x02, False, False)])
def test_a_link_that_is_switched_on_without_a_carrier_does_not_run(flags: int, up: bool, running: bool) -> None:
    """IFF_UP and IFF_RUNNING: Felix goes by the second."""
    found = network.parse_link(struct.pack("=BxHiII", 0, 1, 7, flags, 0) + text(3, "eth0") + u32(10, 4))
    assert (found["up"], found["running"], found["master"]) == (up, running, 4)


@pytest.mark.parametrize(
    ("family", "flags", "marks"),
    [
        (socket.AF_INET6, 0x301, ["temporary"]),
        (socket.AF_INET6, 0x321, ["deprecated", "temporary"]),
        (socket.AF_INET6, 0x08, ["failed"]),
        (socket.AF_INET, 0x01, []),
    ],
)
def test_what_an_address_is_marked_with_is_told(family: int, flags: int, marks: list[str]) -> None:
    """The header has room for eight bits; IPv4's first means another thing."""
    raw = bytes(4 if family == socket.AF_INET else 16)
    body = struct.pack("=BBBBI", family, 64, flags & 0xFF, 0, 3) + attribute(1, raw) + u32(8, flags)
    assert network.parse_address(body)["marks"] == marks
    assert network.parse_address(body[: -len(u32(8, 0))])["marks"] == marks


def test_on_a_point_to_point_link_the_own_end_is_the_address() -> None:
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 3)
    body += attribute(1, socket.inet_aton("10.0.0.9")) + attribute(2, socket.inet_aton("10.0.0.5"))
    found = network.parse_address(body)
    assert (found["address"], found["global"], found["ipv6"]) == ("10.0.0.5", True, False)


def test_an_address_of_the_link_is_not_global() -> None:
    body = struct.pack("=BBBBI", socket.AF_INET6, 64, 0, 253, 3) + attribute(
        1, socket.inet_pton(socket.AF_INET6, "fe80::1")
    )
    assert network.parse_address(body)["global"] is False


def test_the_way_to_a_destination_tells_the_address() -> None:
    assert network.source_address("127.0.0.1") == "127.0.0.1"


def test_a_name_with_both_families_is_asked_for_the_one_that_calico_dials(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[int, str] = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

    def resolved(name: str, port: int, family: int, kind: int) -> list[object]:
        order: list[int] = [socket.AF_INET6, socket.AF_INET] if family == 0 else [family]
        return [(one, kind, 0, "", (known[one], port)) for one in order]

    monkeypatch.setattr(network.socket, "getaddrinfo", resolved)
    assert network.source_address("both.example.org") == "127.0.0.1"


def test_a_destination_without_address_tells_none() -> None:
    assert network.source_address("no such name") is None
