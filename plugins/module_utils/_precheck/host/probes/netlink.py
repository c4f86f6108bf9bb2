# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Netlink messages: written, read, and sent with a deadline. Headers are in host order, netfilter's numbers in network order."""

import os
import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Tuple

from ..no_evidence import NoEvidence

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_DUMP, NLM_F_CREATE, NLM_F_APPEND = 1, 4, 0x200, 0x300, 0x400, 0x800
# In an answer of type NLMSG_ERROR the same bits mean: the request is not repeated; attributes follow.
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
_ERROR_TEXT = 1

NETWORK_ORDER, _NESTED, _TYPE_BITS = 0x4000, 0x8000, 0x3FFF
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 270, 10, 11, 12
_HEADER = struct.Struct("=IHHII")


class KernelRefusal(OSError):
    """The kernel's no, with its own words where it has any."""


class Message(NamedTuple):
    kind: int
    flags: int
    sequence: int
    payload: bytes


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode("ascii") + b"\0")


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=B", value))


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def be16(kind: int, value: int, marked: bool = False) -> bytes:
    return attribute(kind | (NETWORK_ORDER if marked else 0), struct.pack("!H", value))


def be32(kind: int, value: int, marked: bool = False) -> bytes:
    """`marked` sets the flag for network order, which ipset wants and nf_tables does not."""
    return attribute(kind | (NETWORK_ORDER if marked else 0), struct.pack("!I", value))


def nested(kind: int, *inner: bytes) -> bytes:
    return attribute(kind | _NESTED, b"".join(inner))


def attributes(data: bytes) -> Dict[int, bytes]:
    """Attributes by type; the last one of a type wins. Ends at the first that is malformed."""
    found, offset = {}, 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            break
        found[kind & _TYPE_BITS] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[Message]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield Message(kind, flags, sequence, data[offset + _HEADER.size : offset + length])
        offset += (length + 3) & ~3


def verdict(answer: Message) -> Tuple[int, str]:
    """Errno and the kernel's own text of an answer of type NLMSG_ERROR or NLMSG_DONE."""
    if len(answer.payload) < 4:
        return 0, ""
    code = -struct.unpack_from("=i", answer.payload)[0]
    if answer.kind != NLMSG_ERROR or not answer.flags & NLM_F_ACK_TLVS or len(answer.payload) < 20:
        return code, ""
    repeated = _HEADER.size if answer.flags & NLM_F_CAPPED else struct.unpack_from("=I", answer.payload, 4)[0]
    words = attributes(answer.payload[4 + repeated :]).get(_ERROR_TEXT, b"")
    return code, words.rstrip(b"\0").decode("ascii", "replace")


def strict() -> None:
    """Whether the kernel filters dumps by what the request holds, since 4.20; Felix asks the same way."""
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
    try:
        asking.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
    finally:
        asking.close()


class Connection:
    """A netlink socket for one request after the other."""

    def __init__(self, protocol: int, timeout: float) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.bind((0, 0))
        self._socket.settimeout(timeout)
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            except OSError:
                # Before 4.3 and 4.12: errors then come without words.
                continue
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def request(self, kind: int, flags: int, body: bytes, step: str = "") -> List[bytes]:
        """The payloads of the answer, which ends with an acknowledgement or, for a dump, with NLMSG_DONE."""
        return self.batch([(kind, flags, body)], step)

    def batch(self, requests: List[Tuple[int, int, bytes]], step: str = "") -> List[bytes]:
        """Sends all requests at once. Raises the first refusal, also of a message without a request for an acknowledgement."""
        data, sent, awaited = b"", set(), set()
        for kind, flags, body in requests:
            self._sequence += 1
            sent.add(self._sequence)
            data += message(kind, flags | NLM_F_REQUEST, self._sequence, body)
            if flags & (NLM_F_ACK | NLM_F_DUMP):
                awaited.add(self._sequence)
        self._socket.send(data)
        payloads: List[bytes] = []
        while awaited:
            # What an earlier, refused batch left unread has other sequence numbers.
            for answer in (found for found in messages(self._receive()) if found.sequence in sent):
                if answer.kind not in (NLMSG_ERROR, NLMSG_DONE):
                    payloads.append(answer.payload)
                    continue
                code, words = verdict(answer)
                if code:
                    raise KernelRefusal(code, ": ".join(part for part in (step, words) if part) or os.strerror(code))
                awaited.discard(answer.sequence)
        return payloads

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except socket.timeout:
            raise NoEvidence(
                "the kernel did not answer on netlink", "look for what hangs in the host's kernel log", cause="netlink"
            ) from None
