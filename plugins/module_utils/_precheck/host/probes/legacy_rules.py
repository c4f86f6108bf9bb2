# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A table of iptables-legacy, read into the same rules as those of nf_tables (nft_rules.py).

The kernel gives a table as one block of entries (struct ipt_entry, struct ip6t_entry). A chain follows another, and a jump is an offset
into the block. A user's chain begins with an entry whose target ERROR holds its name. A built-in chain ends in its policy.
"""

import ctypes
import socket
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .nft_rules import TARGETS, of_match


class _Layout(NamedTuple):
    """Of an entry: what it selects packets by, nfcache, and the offsets of its target and of the next entry."""

    head: struct.Struct
    """The four addresses and masks, the four names and masks of links, protocol, flags, inverted flags, and both offsets."""
    matches: int
    """Where its matches begin: after its counters."""
    goto: int
    """The flag of a goto: a jump that leaves no way back (IPT_F_GOTO, IP6T_F_GOTO)."""


# The counters have 64 bits, and begin where such a number may. In struct ipt_entry that is behind 96 bytes, whatever the architecture.
_COUNTERS = ctypes.alignment(ctypes.c_uint64)
_LAYOUTS: Dict[int, _Layout] = {
    socket.AF_INET: _Layout(struct.Struct("=4s4s4s4s16s16s16s16sHBB4xHH"), 96 + 16, 2),
    socket.AF_INET6: _Layout(
        struct.Struct("=16s16s16s16s16s16s16s16sHxBB3x4xHH"), (152 if _COUNTERS == 8 else 148) + 16, 4
    ),
}
_NAMES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_INVERTED = {"iif": 1, "oif": 2, "saddr": 8, "daddr": 16}
_STANDARD = {-1: "drop", -2: "accept", -5: "return"}


def chains(
    blob: bytes, hooks: int, begins: Sequence[int], ends: Sequence[int], family: int = socket.AF_INET
) -> Dict[str, Dict[str, Any]]:
    """Chains by name: `policy` and `hook` of those that are built in, and `rules` of all.

    `hooks`: a bit for each built-in chain that the table has; `begins` and `ends`: offsets of its first rule, and of its policy.
    """
    entries = _entries(blob, family)
    starts = {begins[number]: _NAMES[number] for number in range(5) if hooks & (1 << number)}
    starts.update((offset + entry["size"], name) for offset, entry in entries.items() for name in entry["named"])
    found: Dict[str, Dict[str, Any]] = {}
    rules: List[Dict[str, Any]] = []
    policies = {ends[number] for number in range(5) if hooks & (1 << number)}
    for offset, entry in entries.items():
        if offset in starts:
            number = _NAMES.index(starts[offset]) if starts[offset] in _NAMES else None
            rules = []
            found[starts[offset]] = {"hook": number, "policy": None, "rules": rules}
        if offset in policies:
            name = next(_NAMES[number] for number in range(5) if ends[number] == offset and hooks & (1 << number))
            found[name]["policy"] = entry["verdict"]
        elif entry["verdict"] != "error":
            rules.append({"verdict": entry["verdict"], "to": starts.get(entry["to"], ""), "if": entry["if"]})
    for one in found.values():
        if one["hook"] is None:
            # Nobody wrote the RETURN in which the kernel has a user's chain end.
            del one["rules"][-1:]
    return found


def _entries(blob: bytes, family: int) -> Dict[int, Dict[str, Any]]:
    layout = _LAYOUTS[family]
    found: Dict[int, Dict[str, Any]] = {}
    offset = 0
    while offset + layout.matches <= len(blob):
        fields = layout.head.unpack_from(blob, offset)
        flags, target, size = fields[9], fields[11], fields[12]
        if size < layout.matches or target < layout.matches or offset + size > len(blob):
            break
        verdict, to, named = _target(blob, offset + target, offset + size, bool(flags & layout.goto))
        conditions = _conditions(fields, family) + _of_matches(blob, offset + layout.matches, offset + target)
        found[offset] = {"size": size, "verdict": verdict, "to": to, "named": named, "if": conditions}
        offset += size
    return found


def _target(blob: bytes, at: int, after: int, goto: bool) -> Tuple[str, Optional[int], List[str]]:
    """Verdict, the offset that it leads to, and the name of the chain that begins after it. `after`: where the next entry begins."""
    name = _text(blob[at + 2 : at + 31])
    if name == "ERROR":
        begins = _text(blob[at + 32 : at + 62])
        return "error", None, [begins] if begins != "ERROR" else []
    if name:
        return TARGETS.get(name, "continue"), None, []
    number = struct.unpack_from("=i", blob, at + 32)[0]
    if number < 0:
        return _STANDARD.get(number, "continue"), None, []
    if number == after:
        return "continue", None, []
    return ("goto" if goto else "jump"), number, []


def _conditions(fields: Tuple[Any, ...], family: int) -> List[List[Any]]:
    source, destination, source_mask, destination_mask, iif, oif, iif_mask, oif_mask, protocol = fields[:9]
    inverted = fields[10]
    found: List[List[Any]] = []
    for subject, name, mask in (("iif", iif, iif_mask), ("oif", oif, oif_mask)):
        if any(mask):
            # The mask covers the closing zero of a whole name; of one that ends in + it covers what stands before.
            covered = mask.count(b"\xff")
            known = _text(name) if covered > len(_text(name)) else _text(name)[:covered] + "*"
            found.append([subject, _operator(subject, inverted), known])
    for subject, address, mask in (("saddr", source, source_mask), ("daddr", destination, destination_mask)):
        if any(mask):
            prefix = "".join(f"{byte:08b}" for byte in mask).count("1")
            found.append([subject, _operator(subject, inverted), f"{socket.inet_ntop(family, address)}/{prefix}"])
    return found + ([["protocol", "?", ""]] if protocol else [])


def _operator(subject: str, inverted: int) -> str:
    return "!=" if inverted & _INVERTED[subject] else "=="


def _of_matches(blob: bytes, offset: int, end: int) -> List[List[Any]]:
    found = []
    while offset + 32 <= end:
        size = struct.unpack_from("=H", blob, offset)[0]
        if size < 32:
            break
        condition = of_match(_text(blob[offset + 2 : offset + 31]), blob[offset + 32 : offset + size])
        found += [condition] if condition else []
        offset += size
    return found


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
