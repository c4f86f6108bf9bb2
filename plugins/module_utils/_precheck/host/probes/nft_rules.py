# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One rule of nf_tables, read: its verdict, and the conditions under which it is given.

A rule is a list of expressions that load into registers, compare them, and end in a verdict. Attribute numbers are those of
include/uapi/linux/netfilter/nf_tables.h. iptables-nft writes interfaces and addresses as native expressions too, and everything
else as the expressions `match` and `target`.

A read rule is {"verdict", "to", "if"}: `to` is the chain of a jump; `if` is a list of conditions [subject, operator, value]:

  ["iif" or "oif", "==" or "!=", NAME]      NAME ends in * where any name with this beginning is meant
  ["saddr" or "daddr", "==" or "!=", CIDR]
  ["ct state", "any" or "none", MASK]       bits as NF_CT_STATE_BIT has them: 1 invalid, 2 established, 4 related, 8 new
  ["family", "==" or "!=", "ip" or "ip6"]
  [SUBJECT, "?", ""]                        what is compared is known at most, the values are not read
"""

import socket
import struct
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .netlink import attributes

_RULE_EXPRESSIONS, _EXPR_NAME, _EXPR_DATA = 4, 1, 2
_META_KEYS = {3: "mark", 4: "iif index", 5: "oif index", 6: "iif", 7: "oif", 15: "family"}
_VERDICTS = {0: "drop", 1: "accept", -3: "jump", -4: "goto", -5: "return"}
_FAMILIES = {2: "ip", 10: "ip6"}
# Targets of iptables that end a packet's way. Others mark, log or count, and the packet goes on.
TARGETS = {
    "REJECT": "reject",
    "MASQUERADE": "masquerade",
    "SNAT": "masquerade",
    "NETMAP": "masquerade",
    "DNAT": "accept",
    "REDIRECT": "accept",
    "TPROXY": "accept",
}
_EQUAL, _NOT_EQUAL = 0, 1
_VERDICT_GIVERS = ("immediate", "target", "masq", "redir", "tproxy", "nat", "reject")
_NO_CONDITION = ("counter", "log", "notrack", "objref", "last", "dynset")


def expressions(rule: Dict[int, bytes]) -> List[Tuple[str, Dict[int, bytes]]]:
    """Name and attributes of each expression of a rule, whose own attributes are given."""
    found = []
    for element in each(rule.get(_RULE_EXPRESSIONS, b"")):
        parts = attributes(element)
        name = parts.get(_EXPR_NAME, b"").rstrip(b"\0").decode("ascii", "replace")
        found.append((name, attributes(parts.get(_EXPR_DATA, b""))))
    return found


def each(data: bytes) -> Iterator[bytes]:
    """The payloads of a list: attributes of one and the same type."""
    offset = 0
    while offset + 4 <= len(data):
        length = struct.unpack_from("=H", data, offset)[0]
        if length < 4:
            return
        yield data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def read(rule: Dict[int, bytes]) -> Dict[str, Any]:
    """The rule as conditions and verdict."""
    registers: Dict[int, Tuple[str, Any]] = {}
    conditions: List[List[Any]] = []
    verdict, to = "continue", ""
    for name, data in expressions(rule):
        if name in ("meta", "payload", "ct", "bitwise"):
            _load(registers, name, data)
        elif name in _VERDICT_GIVERS:
            verdict, to = _verdict(name, data, verdict, to)
        else:
            conditions += _conditions(registers, name, data)
            # A map gives the verdict itself.
            verdict = "map" if name == "lookup" and 3 in data and not _number(data, 3) else verdict
    return {"verdict": verdict, "to": to, "if": conditions}


def _load(registers: Dict[int, Tuple[str, Any]], name: str, data: Dict[int, bytes]) -> None:
    if name == "bitwise":
        subject, _mask = registers.get(_number(data, 1), ("", None))
        registers[_number(data, 2)] = (subject, attributes(data.get(4, b"")).get(1, b""))
    elif name != "meta" or 1 in data:
        registers[_number(data, 1)] = _loaded(name, data)


def _verdict(name: str, data: Dict[int, bytes], verdict: str, to: str) -> Tuple[str, str]:
    """The verdict with this expression, and the chain that it leads to."""
    if name == "target":
        return TARGETS.get(_text(data, 1), verdict), to
    if name != "immediate":
        source = name == "masq" or (name == "nat" and _number(data, 1) == 0)
        return "reject" if name == "reject" else "masquerade" if source else "accept", to
    given = attributes(attributes(data.get(2, b"")).get(2, b""))
    if 1 not in given:
        return verdict, to
    return _VERDICTS.get(_number(given, 1, signed=True), "continue"), _text(given, 2)


def _conditions(registers: Dict[int, Tuple[str, Any]], name: str, data: Dict[int, bytes]) -> List[List[Any]]:
    if name == "cmp":
        return [_compared(registers.get(_number(data, 1), ("", None)), data)]
    if name == "lookup":
        return [[registers.get(_number(data, 2), ("", None))[0], "?", ""]]
    if name == "match":
        condition = of_match(_text(data, 1), data.get(3, b""))
        return [condition] if condition else []
    return [] if name in _NO_CONDITION else [[name, "?", ""]]


def of_match(name: str, info: bytes) -> Optional[List[Any]]:
    """The condition of a match of iptables. A comment is none."""
    if name == "comment":
        return None
    # struct xt_conntrack_mtinfo3: match_flags (1: the state), invert_flags and state_mask come after the addresses and ports.
    if name == "conntrack" and len(info) >= 152:
        flags, inverted, mask = struct.unpack_from("=HHH", info, 146)
        if flags == 1:
            return ["ct state", "none" if inverted & 1 else "any", mask]
    return [name, "?", ""]


def _loaded(name: str, data: Dict[int, bytes]) -> Tuple[str, Any]:
    if name == "meta":
        return _META_KEYS.get(_number(data, 2), "meta"), None
    if name == "ct":
        return "ct state" if _number(data, 2) == 0 else "ct", None
    base, offset, length = (_number(data, kind) for kind in (2, 3, 4))
    # The addresses in the headers of IPv4 and IPv6; nft loads only as many bytes of them as a prefix needs.
    for start, size, subject in ((12, 4, "saddr"), (16, 4, "daddr"), (8, 16, "saddr"), (24, 16, "daddr")):
        if base == 1 and offset == start and length <= size and (size == 16) == (start in (8, 24)):
            return subject, (size, length)
    return "payload", None


def _compared(loaded: Tuple[str, Any], data: Dict[int, bytes]) -> List[Any]:
    subject, extra = loaded
    operator = {_EQUAL: "==", _NOT_EQUAL: "!="}.get(_number(data, 2))
    value = attributes(data.get(3, b"")).get(1, b"")
    if operator is None:
        return [subject, "?", ""]
    if subject in ("iif", "oif") and extra is None:
        name = value.partition(b"\0")[0].decode("utf-8", "replace")
        return [subject, operator, name if b"\0" in value or len(value) == 16 else name + "*"]
    if subject in ("iif index", "oif index") and len(value) == 4 and extra is None:
        return [subject, operator, int.from_bytes(value, sys.byteorder)]
    if subject == "ct state" and isinstance(extra, bytes) and len(extra) == 4 and not any(value):
        return [subject, "none" if operator == "==" else "any", int.from_bytes(extra, sys.byteorder)]
    if subject == "family" and len(value) == 1 and value[0] in _FAMILIES:
        return [subject, operator, _FAMILIES[value[0]]]
    network = _network(value, extra) if subject in ("saddr", "daddr") else None
    return [subject, operator, network] if network else [subject, "?", ""]


def _network(value: bytes, extra: Any) -> Optional[str]:
    """`extra`: how many bytes of how many were loaded, or the mask under which they were compared."""
    if isinstance(extra, tuple):
        size, length = extra
        prefix = length * 8
    elif isinstance(extra, bytes) and len(extra) in (4, 16):
        size, bits = len(extra), "".join(f"{byte:08b}" for byte in extra)
        prefix = bits.count("1")
        if "01" in bits:
            return None
    else:
        return None
    if len(value) > size:
        return None
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    address = socket.inet_ntop(family, value.ljust(size, b"\0"))
    return f"{address}/{prefix}"


def _number(data: Dict[int, bytes], kind: int, signed: bool = False) -> int:
    return int.from_bytes(data.get(kind, b""), "big", signed=signed)


def _text(data: Dict[int, bytes], kind: int) -> str:
    return data.get(kind, b"").rstrip(b"\0").decode("utf-8", "replace")
