# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether iptables-nft-save can show a rule of nf_tables as one of iptables', decided as it decides.

The images of Calico carry iptables 1.8.8 (3.28 to 3.31, node/Dockerfile.amd64) and 1.8.10 of UBI 9 (3.32 and later,
node/Dockerfile). Both call a table incompatible for one rule that holds an expression which they do not know: iptables/nft.c,
nft_is_expr_compatible(), the same list in 1.8.8 to 1.8.11. 1.8.10 ends with an error besides for a rule whose expressions it
knows and cannot translate: iptables/nft-ruleparse.c, nft_rule_to_iptables_command_state(); 1.8.8 left such parts out.
"""

import re
import sys
from typing import Any, Dict, List, Optional, Tuple

from .netlink import attributes

_KNOWN = {"match", "target", "payload", "meta", "cmp", "bitwise", "counter", "immediate", "lookup", "range"}
_LIMIT_TYPE, _LIMIT_FLAGS, _LOG_GROUP = 4, 5, 1
_MARK, _NFTRACE, _L4PROTO, _PKTTYPE = 3, 12, 16, 19
# nft-ruleparse.c, parse_meta(), and nft_ipv4_parse_meta(): indexes and names of interfaces, mark, protocol, packet type.
_META_COMPARED = {3, 4, 5, 6, 7, _L4PROTO, _PKTTYPE}
_LINK, _NETWORK, _TRANSPORT = 0, 1, 2
# What nft_ipv4_parse_payload() and nft_ipv6_parse_payload() know: protocol, fragment, lifetime, addresses.
_OFFSETS = {"ip": {6, 8, 9, 12, 16}, "ip6": {6, 7, 8, 24}}
_PROTOCOL_AT = {"ip": 9, "ip6": 6}
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
# An attribute that holds a name, NFTA_EXPR_NAME among them. Other text of a rule (a comment) may look like one; no name goes unseen.
_HEAD = rb"[\x05-\x40]\x00\x01\x00" if sys.byteorder == "little" else rb"\x00[\x05-\x40]\x00\x01"
_NAME = re.compile(_HEAD + rb"([a-z_]{2,})\x00")
_NAMES = {name.encode("ascii") for name in _KNOWN}
Expressions = List[Tuple[str, Dict[int, bytes]]]


def all_known(raw: bytes) -> bool:
    """Whether a rule's expressions, as the kernel gives them, are all known by name. Where not, they have to be read."""
    return _NAMES.issuperset(_NAME.findall(raw))


def unknown(expressions: Expressions) -> Optional[str]:
    """The expression for which a table is called incompatible."""
    for name, data in expressions:
        if name in _KNOWN:
            continue
        if name == "limit" and not _number(data, _LIMIT_TYPE) and not _number(data, _LIMIT_FLAGS):
            continue
        if name == "log" and _LOG_GROUP in data:
            continue
        return name
    return None


def untranslatable(expressions: Expressions, family: str) -> Optional[str]:
    """What 1.8.10 says of the first part of the rule that it cannot translate, in its own words. `family`: ip or ip6."""
    registers: Dict[int, Tuple[str, int, int]] = {}
    protocol = 0
    for name, data in expressions:
        problem = None
        if name == "meta" and 3 in data:
            problem = _set(registers.get(_number(data, 3), ("", 0, 0)), _number(data, 2))
        elif name == "meta":
            registers[_number(data, 1)] = ("meta", _number(data, 2), 0)
        elif name == "payload":
            registers[_number(data, 1)] = ("payload", _number(data, 2), _number(data, 3))
        elif name == "immediate" and 1 in attributes(data.get(2, b"")):
            registers[_number(data, 1)] = ("immediate", 0, 0)
        elif name == "bitwise" and _number(data, 1) in registers:
            registers[_number(data, 2)] = registers[_number(data, 1)]
        elif name == "cmp":
            loaded = registers.get(_number(data, 1), ("", 0, 0))
            problem = _compared(loaded, protocol, family)
            protocol = _protocol(loaded, data, family) or protocol
        elif name == "range":
            problem = _in_range(registers.get(_number(data, 1), ("", 0, 0)))
        if problem:
            return problem
    return None


def _set(loaded: Tuple[str, int, int], key: int) -> Optional[str]:
    if key not in (_MARK, _NFTRACE):
        return "meta sreg key not supported"
    return None if loaded[0] == "immediate" else "meta sreg is not an immediate"


def _compared(loaded: Tuple[str, int, int], protocol: int, family: str) -> Optional[str]:
    kind, what, offset = loaded
    if kind == "":
        return "cmp sreg undef"
    if kind == "meta":
        return None if what in _META_COMPARED else "unknown meta key"
    if kind == "immediate":
        return "cmp sreg has unknown type"
    if what == _NETWORK:
        return None if offset in _OFFSETS[family] else "unknown payload offset"
    if what != _TRANSPORT or protocol in (_TCP, _UDP):
        return None
    if protocol in (_ICMP, _ICMPV6):
        return None if offset in (0, 1) else "unexpected payload offset"
    return "unsupported layer 4 protocol value"


def _protocol(loaded: Tuple[str, int, int], data: Dict[int, bytes], family: str) -> int:
    """The protocol that the rule is about from here on; 0 where this is no comparison with one."""
    if loaded[:2] == ("meta", _L4PROTO) or loaded == ("payload", _NETWORK, _PROTOCOL_AT[family]):
        return int.from_bytes(attributes(data.get(3, b"")).get(1, b"")[:1], "big")
    return 0


def _in_range(loaded: Tuple[str, int, int]) -> Optional[str]:
    if loaded[0] == "payload":
        return None if loaded[1] == _TRANSPORT else "range with unknown payload base"
    return "range sreg type unsupported" if loaded[0] else "range sreg undef"


def _number(data: Dict[int, bytes], kind: int) -> int:
    return int.from_bytes(data.get(kind, b""), "big")


def refusal(expressions: Expressions, family: str) -> Optional[Dict[str, Any]]:
    """Why iptables-nft-save shows nothing of the rule's table, and with which of the two; None where it can show the rule."""
    expression = unknown(expressions)
    if expression:
        return {"why": f"the expression {expression}", "only_newer": False}
    problem = untranslatable(expressions, family)
    return {"why": problem, "only_newer": True} if problem else None
