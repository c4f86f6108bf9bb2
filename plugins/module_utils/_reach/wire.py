# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What goes over the wire between a probe and a listener.

The probe's question contains the run's token, which no stranger knows. The listener answers only such questions. So an answer proves that
the packet met our listener, and not another program on that port.
"""

import hashlib
import hmac
import socket
import struct
from typing import NamedTuple, Optional

TCP, UDP, TCP6, UDP6, IPIP = "tcp", "udp", "tcp6", "udp6", "ip"
IPIP_PROTOCOL = 4
WORD = 32
"""Bytes of a question and of an answer. A large question goes on with nothing, up to its size."""
LARGEST = 65535
"""What an IP packet can have."""

# Linux' own numbers: the socket module of Python 3.6 has no names for all of them. PROBE sends packets as large as the interface takes,
# and ignores the path MTU that the kernel has learned: that may be an hour old.
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _IPV6_DONTFRAG = 10, 23, 62
_PROBE = 3
_IPV4_HEADER, _IPV6_HEADER, _UDP_HEADER = 20, 40, 8

# RFC 3692 keeps protocol 253 for experiments, RFC 5737 the network 192.0.2.0/24 for documents: no host acts on the inner packet.
_INNER_PROTOCOL = 253
_INNER_ADDRESS = "192.0.2.1"
_INNER_HEADER = struct.Struct("!BBHHHBBH4s4s")


class Target(NamedTuple):
    """A protocol of a family with its port; protocol 4, IP in IP, has none and is IPv4's alone."""

    protocol: str
    port: int

    @property
    def stream(self) -> bool:
        return self.protocol in (TCP, TCP6)

    @property
    def ipv6(self) -> bool:
        return self.protocol in (TCP6, UDP6)

    def __str__(self) -> str:
        return f"{self.protocol}/{self.port}"


class Addresses(NamedTuple):
    """Of one host, as calico-node will use them. One of them may be missing: a host of a single family."""

    ipv4: Optional[str]
    ipv6: Optional[str]

    def of(self, one: Target) -> Optional[str]:
        return self.ipv6 if one.ipv6 else self.ipv4


class BadTarget(ValueError):
    """The message is for the user."""


def target(text: str) -> Target:
    """`tcp/179`, `udp/4789`, `tcp6/179`, `udp6/4789`, or `ip/4` for IP in IP."""
    protocol, _slash, number = text.partition("/")
    if protocol == IPIP and number == str(IPIP_PROTOCOL):
        return Target(IPIP, IPIP_PROTOCOL)
    if protocol not in (TCP, UDP, TCP6, UDP6) or not number.isdigit() or not 1 <= int(number) <= 65535:
        raise BadTarget(f"{text!r} is no target: tcp/PORT, udp/PORT, tcp6/PORT, udp6/PORT or ip/4 is needed")
    return Target(protocol, int(number))


def opened(one: Target) -> socket.socket:
    """A socket of the target's kind; IP in IP needs root."""
    if one.protocol == IPIP:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, IPIP_PROTOCOL)
    family = socket.AF_INET6 if one.ipv6 else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM if one.stream else socket.SOCK_DGRAM)


def opened_whole(one: Target) -> socket.socket:
    """One for datagrams that neither this host nor a router is to cut into fragments."""
    whole = opened(one)
    if one.ipv6:
        whole.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PROBE)
        whole.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)
    else:
        whole.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)
    return whole


def question(token: str) -> bytes:
    return _word(token, b"question")


def answer(token: str) -> bytes:
    return _word(token, b"answer")


def large_question(token: str, one: Target, size: int) -> bytes:
    """As long as makes it an IP packet of this size."""
    inner = _INNER_HEADER.size if one.protocol == IPIP else _UDP_HEADER
    return _word(token, b"large question").ljust(size - (_IPV6_HEADER if one.ipv6 else _IPV4_HEADER) - inner, b"\0")


def large_answer(token: str) -> bytes:
    """Another word than the small one's: over IP in IP a prober hears the answers to both. It is small itself, as what it proves is the
    way there."""
    return _word(token, b"large answer")


def answer_to(said: bytes, token: str) -> Optional[bytes]:
    """What a listener says to a datagram; nothing to a stranger's."""
    if is_word(said, question(token)):
        return answer(token)
    return large_answer(token) if is_word(said[:WORD], _word(token, b"large question")) else None


def is_word(given: bytes, wanted: bytes) -> bool:
    return hmac.compare_digest(given, wanted)


def wrapped(word: bytes) -> bytes:
    """The packet that goes inside a packet of protocol 4: firewalls may look whether it is one."""
    address = socket.inet_aton(_INNER_ADDRESS)
    fields = (0x45, 0, _INNER_HEADER.size + len(word), 0, 0, 1, _INNER_PROTOCOL, 0, address, address)
    header = _INNER_HEADER.pack(*fields)
    return _INNER_HEADER.pack(*fields[:7], _checksum(header), *fields[8:]) + word


def unwrapped(packet: bytes) -> Optional[bytes]:
    """What is said in a packet as a raw socket of protocol 4 receives it, which is with the outer header."""
    outer = (packet[0] & 15) * 4 if packet else 0
    inner = packet[outer:]
    if len(inner) < _INNER_HEADER.size + WORD or inner[9] != _INNER_PROTOCOL:
        return None
    return inner[_INNER_HEADER.size :]


def control_name(token: str) -> bytes:
    """The listener's name among the abstract UNIX sockets of its host. Such a name is no file and goes with the listener."""
    return b"\0calico-ops-reach-" + hashlib.sha256(token.encode()).hexdigest()[:32].encode()


def _word(token: str, purpose: bytes) -> bytes:
    return hmac.new(token.encode(), purpose, hashlib.sha256).digest()


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
