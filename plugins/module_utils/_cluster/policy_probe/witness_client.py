# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a witness runs in its pods: one process of bash that opens connections for an hour, and what its report means.

A connection is a datagram from a fresh port that the server answers: to conntrack and to policy it is as new as a SYN. Of datagrams, one
process can have many under way without a fork each, the kernel sends none of them again, so each stands for one moment, and conntrack
forgets each after 30 s (nf_conntrack_udp_timeout; TIME_WAIT of TCP stays for 120 s). A connection is judged when its place is needed for
another one, 0.9 s later. An ICMP error that says that nobody listens came through as well.

It reports when it is told that all is over, when its lifetime is, or when the kubelet ends its pod. Its report has the longest gap, counts,
and the first hole, so its length does not depend on time. With both families it takes about 0.08 of a core and 2.4 MB, its server 0.02.

Some engines let a new pod's first connections through until they have heard of the pod. Those are told apart from what comes through
after denied connections were dropped for a while. A network that is not there yet drops all, so allowed ones must have come through
meanwhile. A fresh port may be one that conntrack still remembers, and then policy is not asked: one connection alone neither makes a hole
nor ends a gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..._rollout.documents.policy import Family
from ..._rollout.policy.witness import Allowed, Denied, Heard
from .client import BEGIN, MESSAGE, STATE, TOLD
from .pods import DENIED_UDP, UDP

EVERY = 0.02
"""Seconds between two connections of one flow. Half of it would cost twice the CPU, and a restart of calico-node takes seconds."""
UNDER_WAY = 45
"""Connections of one flow under way at once, and so 0.9 s for an answer."""
SETTLES = 0.2
"""Seconds for which denied connections, and not the allowed ones, must be dropped before one that comes through counts as a hole."""
BEGUN = f"{STATE}/begun"
"""The file that exists once an allowed connection came through and the denied ones are dropped."""

CLIENT = (
    BEGIN
    + r"""
every=$5 under_way=$6 settles=$7 ended=
trap 'ended=stopped' TERM
over() {
  now
  if [[ -s $told/over ]]; then ended=told; elif ((moment >= stop)); then ended=lifetime; fi
  [[ $ended ]]
}

until [[ -s $told/targets ]]; do
  over && { say 'it had no target: the other pod did not run'; exit 1; }
  read -r -t 0.05 -u 3
done
host=() port=() kind=()
while read -r a b c; do host+=("$a") port+=("$b") kind+=("$c"); done <"$told/targets"
rows=${#host[@]}
every=$((every / rows)) under_way=$((under_way * rows))
known= begun= tries=() through=() first=() latest=() lost=() gap=() gap_at=() settled=() open=() row=() since=()
for ((i = 0; i < rows; i++)); do tries[i]=0 through[i]=0 gap[i]=0 row[i]=0; done

begin() {
  local i came=
  for ((i = 0; i < rows; i++)); do
    if [[ ${kind[i]} == denied ]]; then [[ ${settled[i]} ]] || return; elif [[ ${first[i]} ]]; then came=1; fi
  done
  [[ $came ]] || return
  begun=1; : >"$state/begun"
}

judge() {  # PLACE: what became of the connection there
  local i=${target[$1]} at=${began[$1]} fd=${socket[$1]} word= came=
  if [[ $fd ]]; then
    if read -t 0 -u "$fd"; then
      read -r -N 2 -t 0.01 -u "$fd" word
      if [[ $word == ok ]]; then came=1
      else
        read -r -d '' word <"$state/said"
        [[ $word == *refused* ]] && came=1
        exec 2>"$state/said"
      fi
    fi
    exec {fd}>&-
    socket[$1]=
  fi
  [[ $known && -z $came ]] && ((at > known)) && return
  tries[i]=$((tries[i] + 1))
  if [[ ${kind[i]} == denied ]]; then hole $i $at $came; else gap $i $at $came; fi
  [[ $begun ]] || begin
}
hole() {  # TARGET MOMENT CAME: two in turn, for one alone may be the port of an earlier one that conntrack remembers
  if [[ $3 && -z ${settled[$1]} ]]; then open[$1]=$2 lost[$1]=
  elif [[ $3 ]]; then
    row[$1]=$((row[$1] + 1)) since[$1]=${since[$1]:-$2}
    case ${row[$1]} in
    1) ;;
    2) through[$1]=$((through[$1] + 2)) first[$1]=${first[$1]:-${since[$1]}} ;;
    *) through[$1]=$((through[$1] + 1)) ;;
    esac
  else
    row[$1]=0 since[$1]= lost[$1]=${lost[$1]:-$2}
    # What is lost while the allowed ones of its family are, in the row before, is no policy's doing.
    (($2 - lost[$1] < settles || ${latest[$1 - 1]:-0} < lost[$1])) || settled[$1]=1
  fi
}
gap() {  # TARGET MOMENT CAME: it ends with three in turn, for the same reason
  if [[ -z $3 ]]; then
    row[$1]=0 since[$1]=
    [[ ${first[$1]} ]] && lost[$1]=${lost[$1]:-$2}
    return
  fi
  row[$1]=$((row[$1] + 1)) since[$1]=${since[$1]:-$2} latest[$1]=$2
  through[$1]=$((through[$1] + 1)) first[$1]=${first[$1]:-$2}
  if [[ ${lost[$1]} ]] && ((row[$1] >= 3)); then close "$1"; fi
}
close() {
  ((since[$1] - lost[$1] > gap[$1])) && gap[$1]=$((since[$1] - lost[$1])) gap_at[$1]=${lost[$1]}
  lost[$1]=
}

exec 2>"$state/said"
number=0 pause=0 socket=() began=() target=() before=()
now; start=$moment next=$moment
until ((number % 20 == 0)) && over; do
  now
  if ((moment < next)); then
    printf -v wait '0.%06d' $((next - moment))
    read -r -t "$wait" -u 3
    continue
  fi
  place=$((number % under_way)) i=$((number % rows))
  ((number < under_way)) || judge $place
  now; began[place]=$moment target[place]=$i
  ((moment - ${before[i]:-$moment} <= pause)) || pause=$((moment - before[i]))
  before[i]=$moment
  exec {socket[place]}<>"/dev/udp/${host[i]}/${port[i]}" && printf 'echo ok' >&"${socket[place]}" || exec 2>"$state/said"
  number=$((number + 1)) next=$((next + every > moment ? next + every : moment + every))
done
# An answer that came is one. What the last ones without an answer would have become is not known.
known=$((moment - under_way * every))
for ((left = number < under_way ? number : under_way, n = number - left; n < number; n++)); do judge $((n % under_way)); done
for ((i = 0; i < rows; i++)); do
  if [[ ${kind[i]} == allowed && ${lost[i]} ]] && ((row[i])); then close $i; fi
done
text="1 $start $moment $ended $pause"
for ((i = 0; i < rows; i++)); do
  text+=$'\n'"${kind[i]} ${tries[i]} ${through[i]} ${first[i]:-0} "
  if [[ ${kind[i]} == denied ]]; then text+=${open[i]:-0}; else text+="${gap[i]} ${gap_at[i]:-0} ${lost[i]:-0}"; fi
done
say "$text"
"""
)
"""Its arguments: where its message goes; its folder, and the one in which it is told things; its lifetime in seconds; microseconds between
two connections of a flow; how many of those may be under way; microseconds after which a denied flow counts as dropped."""

# It outlives the other pod's client, which may end a little later: it goes on until it is killed. Nobody reads its logs, which would
# have a line for each connection.
SERVER = r"""
exec >/dev/null 2>&1
trap '' TERM
/agnhost netexec --http-port="$3" --udp-port="$4" --http-override=/hostname &
/agnhost netexec --http-port="$1" --udp-port="$2" --http-override=/hostname
"""


def client_arguments(lifetime: int) -> list[str]:
    every, settles = (str(round(seconds * 1_000_000)) for seconds in (EVERY, SETTLES))
    return [MESSAGE, STATE, TOLD, str(lifetime), every, str(UNDER_WAY), settles]


def targets_text(addresses: Mapping[Family, str]) -> str:
    return "".join(
        f"{address} {port} {kind}\n"
        for address in addresses.values()
        for port, kind in ((UDP, "allowed"), (DENIED_UDP, "denied"))
    )


def heard(message: str) -> Heard:
    """ValueError where it is no report: then the message says what is wrong, or it is empty."""
    head, *lines = message.splitlines() or [""]
    told = re.fullmatch(r"1 (\d+) (\d+) (?:told|lifetime|stopped) (\d+)", head)
    if told is None:
        raise ValueError(f"no report: {message}")
    began, ended, pause = (int(micro) / 1e6 for micro in told.groups())
    return Heard(
        began,
        ended,
        pause,
        [
            Allowed(tries, _moment(first), gap / 1e6, _moment(gap_began), _moment(lost))
            for tries, _through, first, gap, gap_began, lost in _numbers(lines, "allowed", 6)
        ],
        [
            Denied(tries, through, _moment(first), _moment(last))
            for tries, through, first, last in _numbers(lines, "denied", 4)
        ],
    )


def _numbers(lines: Sequence[str], kind: str, count: int) -> list[list[int]]:
    found = [line.split()[1:] for line in lines if line.startswith(f"{kind} ")]
    if any(len(words) != count for words in found):
        raise ValueError(f"no flows: {lines}")
    return [list(map(int, words)) for words in found]


def _moment(micro: int) -> float | None:
    return micro / 1e6 if micro else None
