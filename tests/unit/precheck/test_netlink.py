# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages are written and read as the kernel does."""

from __future__ import annotations

import errno
import socket
import struct

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import errno_name
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import netlink
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.netlink import (
    Connection,
    KernelRefusal,
    attribute,
    attributes,
    be32,
    message,
    messages,
    nested,
    text,
    u8,
)
from hypothesis import given
from hypothesis import strategies as st


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=8))
def test_attributes_come_back_as_they_were_written(found: dict[int, bytes]) -> None:
    assert attributes(b"".join(attribute(kind, payload) for kind, payload in found.items())) == found


@given(st.binary(max_size=200))
def test_garbage_is_read_without_fault(garbage: bytes) -> None:
    attributes(garbage)
    for found in messages(garbage):
        netlink.verdict(found)


def test_a_length_that_leads_nowhere_ends_the_reading() -> None:
    assert attributes(u8(1, 9) + bytes(8)) == {1: b"\x09"}
    assert [found.sequence for found in messages(message(2, 0, 7, b"abcd") + bytes(32))] == [7]


def test_nested_attributes_and_byte_order_flags_do_not_change_the_type() -> None:
    assert attributes(nested(7, u8(1, 9)) + be32(6, 2, marked=True)) == {7: u8(1, 9), 6: b"\0\0\0\2"}


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=30)), max_size=6))
def test_messages_come_back_in_their_order(sent: list[tuple[int, bytes]]) -> None:
    padded = [(kind, body + b"\0" * (-len(body) % 4)) for kind, body in sent]
    data = b"".join(message(kind, 0, number, body) for number, (kind, body) in enumerate(padded))
    assert [(found.kind, found.payload) for found in messages(data)] == padded


def refusal(code: int, words: str = "", capped: bool = True) -> bytes:
    flags = (netlink.NLM_F_ACK_TLVS if words else 0) | (netlink.NLM_F_CAPPED if capped else 0)
    repeated = message(16, 5, 1, b"" if capped else b"abcd")
    body = struct.pack("=i", -code) + repeated + (text(1, words) if words else b"")
    return message(netlink.NLMSG_ERROR, flags, 1, body)


@pytest.mark.parametrize("capped", [True, False])
def test_the_kernels_own_words_are_read_from_an_error(capped: bool) -> None:
    answer = next(messages(refusal(errno.EOPNOTSUPP, "Unknown device type", capped)))
    assert netlink.verdict(answer) == (errno.EOPNOTSUPP, "Unknown device type")


class Kernel:
    """Answers on the other end of a socket pair, in place of the kernel."""

    def __init__(self, *answers: bytes) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.theirs = theirs
        self.connection = Connection.__new__(Connection)
        self.connection._socket = ours
        self.connection._sequence = 0
        ours.settimeout(0.05)
        for answer in answers:
            theirs.send(answer)


def test_an_error_raises_with_step_and_words() -> None:
    kernel = Kernel(refusal(errno.EOPNOTSUPP, "Unknown device type"))
    with pytest.raises(KernelRefusal, match="create ipip: Unknown device type") as raised:
        kernel.connection.request(16, netlink.NLM_F_ACK, b"", "create ipip")
    assert raised.value.errno == errno.EOPNOTSUPP


def test_an_answer_to_an_earlier_request_is_not_taken_for_this_ones() -> None:
    acknowledged = message(netlink.NLMSG_ERROR, netlink.NLM_F_CAPPED, 2, struct.pack("=i", 0) + b"\0" * 16)
    kernel = Kernel(refusal(errno.EINVAL), refusal(errno.EBUSY), acknowledged)
    with pytest.raises(KernelRefusal):
        kernel.connection.request(16, netlink.NLM_F_ACK, b"")
    assert kernel.connection.request(16, netlink.NLM_F_ACK, b"") == []


def test_a_kernel_that_does_not_answer_is_no_refusal() -> None:
    silent = Kernel()
    with pytest.raises(NoEvidence, match="did not answer"):
        silent.connection.request(16, netlink.NLM_F_ACK, b"")


def test_a_refusal_of_the_batchs_edge_ends_the_wait_for_the_others() -> None:
    kernel = Kernel(refusal(errno.EOPNOTSUPP))
    with pytest.raises(KernelRefusal) as raised:
        kernel.connection.batch([(16, 0, b""), (2560, netlink.NLM_F_ACK, b""), (17, 0, b"")])
    assert raised.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (4098, "IPSET_ERR_FIND_TYPE"),
        (22, "EINVAL, Invalid argument"),
        (95, "EOPNOTSUPP, Operation not supported"),
        (9999, "error 9999"),
    ],
)
def test_errors_have_names(number: int, words: str) -> None:
    assert errno_name(number) == words
