# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What runs in the pods: a client, its waiters, and a server, in bash and agnhost. And what the client's report means.

The client tries its targets in turn, one connection every few milliseconds, each from a fresh port. It keeps for each target the runs of
connections with the same fate, in the order in which they began. A connection is given up before the kernel sends its SYN again (after 1 s,
TCP_TIMEOUT_INIT in the kernel's include/net/tcp.h), so each stands for one moment.

bash alone opens no socket that listens, and agnhost alone keeps no time, so both are needed. bash 5.0 brought EPOCHREALTIME; the image of
agnhost 2.21 and later has it (test/images/agnhost/Dockerfile in kubernetes/kubernetes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..._rollout.documents.policy import Fate
from ..._rollout.policy.timelines import PHASES, Run

AWAITED = PHASES[:-1]
"""Phases that have a waiter. After the last one the client itself ends."""

EVERY = 0.02
"""Seconds between two connections of one client."""
PATIENCE = 0.9
"""Seconds after which a connection counts as dropped; under a second, see above."""
SLACK = 0.05
"""Seconds by which an answer may be slower than the fastest one from the same target. On a node that is short of processors a client gets
its turn late, and then nobody knows when its packet went: before a write of policy or after it."""
WINDOW = 0.2
LEAST = 3
"""A phase is settled when so many connections of each target, over so many seconds, had the fate that the phase wants."""

STATE, TOLD = "/probe/state", "/probe/told"
TARGETS_FILE, OVER_FILE = "targets", "over"
MESSAGE = "/dev/termination-log"
MOST = 4096
"""Bytes of a termination message (MaxContainerTerminationMessageLength in the kubelet's pkg/kubelet/container)."""

LETTERS: dict[str, Fate] = {"A": "answered", "R": "refused", "D": "dropped", "U": "unreachable"}
ANSWERED, REFUSED, DROPPED = "A", "R", "D"

BEGIN = r"""
exec 2>/dev/null
LC_ALL=C
message=$1 state=$2 told=$3 lifetime=$4
say() { printf '%s' "$1" >"$message"; }
[[ $EPOCHREALTIME ]] || { say "bash $BASH_VERSION has no EPOCHREALTIME: an image with bash 5.0 or newer is needed"; exit 1; }
now() { moment=${EPOCHREALTIME/[.,]/}; }
exec 3<> <(:)
now; stop=$((moment + lifetime * 1000000))
"""
"""How a client begins. Descriptor 3 is a pipe: to read from it with a timeout is to sleep without another process."""

CLIENT = (
    BEGIN
    + r"""
set +m
every=$5 patience=$6 slack=$7 window=$8 least=$9 most=${10}
shift 10
phases=("$@")
own4= own6=
for each in ${POD_IPS//,/ }; do [[ $each == *:* ]] && own6=$each || own4=$each; done
declare -A used
printf -v fill '%2000s' ''; fill=${fill// /x}
printf -v seconds '%d.%06d' $((patience / 1000000)) $((patience % 1000000))

until [[ -s $told/targets ]]; do
  now; ((moment < stop)) || { say 'the targets did not arrive'; exit 1; }
  read -r -t 0.03 -u 3
done
now; start=$moment
host=() port=() kind=() want=()
while read -r a b c d; do host+=("$a") port+=("$b") kind+=("$c") want+=("$d"); done <"$told/targets"
rows=${#host[@]}

ask() {  # TARGET: one connection
  local h=${host[$1]} p=${port[$1]} m number
  case ${kind[$1]} in
  UDP)
    # The server says who asks, and so from which port.
    exec 4<>"/dev/udp/$h/$p" && printf clientip >&4 || return
    if [[ $h == *:* ]]; then m=$((${#own6} + 8)); else m=$((${#own4} + 6)); fi
    read -r -N "$m" -t "$seconds" m <&4 || return
    from=${m##*:} ;;
  DNS:*)
    # The answer begins with the number of the question. It has no zero, which `read` drops, and no line's end, at which bash would send.
    printf -v number '\\x%x\\x%x' $((RANDOM % 90 + 33)) $((RANDOM % 90 + 33))
    exec 4<>"/dev/udp/$h/$p" && printf "$number${kind[$1]#DNS:}" >&4 || return
    read -r -N 2 -t "$seconds" m <&4 || return
    printf -v number "$number"
    [[ $m == "$number" ]] || return ;;
  LARGE)
    exec 4<>"/dev/tcp/$h/$p" && printf 'GET / HTTP/1.0\r\nX-Fill: %s\r\n\r\n' "$fill" >&4 || return
    read -r -N 2000 m <&4 && ((${#m} == 2000)) || return ;;
  *) exec 4<>"/dev/tcp/$h/$p" || return ;;
  esac
}
try() {  # NUMBER TARGET: says when it begins, and what became of it, in records of one length
  local said=$state/said$(($1 % 100)) m status began from=0
  now; began=$moment; printf '%07dB%016d' "$1" "$began" >&3
  ask "$2" 2>"$said"
  status=$?
  now
  if ((status == 0)); then m=A
  elif ((status > 128)); then m=D
  else
    m=; read -r -d '' m <"$said"
    case $m in *refused*) m=R ;; *unreachable* | *'No route'* | *'not permitted'*) m=U ;; *) m='?' ;; esac
  fi
  printf '%07d%s%011d%05d' "$1" "$m" $((moment - began)) "$from" >&3
}
hear() {  # one record, or false once the time is up; that may be in its middle
  local record= rest
  read -r -N 24 -t "$1" -u 3 record
  [[ $record ]] || return
  ((${#record} == 24)) || { read -r -N $((24 - ${#record})) -u 3 rest; record+=$rest; }
  local n=$((10#${record:0:7})) letter=${record:7:1}
  if [[ $letter == B ]]; then begun[n]=${record:8}; return; fi
  if [[ $letter == [AR] ]]; then
    prompt ${target[n]:-0} $((10#${record:8:11})) && fresh ${target[n]:-0} "${record:19}" || letter='?'
  fi
  know "$n" "$letter"
}
fresh() {  # TARGET PORT: UDP chooses ports at random, and what was let through before from the same port is let through again
  local flow="${host[$1]} ${port[$1]} $2"
  [[ $2 == 00000 || -z ${used[$flow]} ]] || return
  used[$flow]=1
}
prompt() {  # TARGET MICROSECONDS: else it is not known when in that time the packet went, or the kernel has sent it twice
  ((best[$1] > 0 && best[$1] < $2)) || best[$1]=$2
  (($2 <= patience && $2 <= best[$1] + slack))
}
know() {  # NUMBER LETTER: what became of a try; and how long its target has had this fate now
  [[ ${pid[$1]} && -z ${answer[$1]} ]] || return 0
  answer[$1]=$2
  local i=${target[$1]} at=${begun[$1]}
  if [[ ${fate[i]} == "$2" ]]; then
    count[i]=$((count[i] + 1)); ((at <= until[i])) || until[i]=$at
  elif [[ $2 != '?' ]] && ((at > since[i])); then
    fate[i]=$2 count[i]=1 since[i]=$at until[i]=$at
  fi
}
keep() {  # TARGET MOMENT LETTER: in the order in which tries began
  # One that got its turn late says nothing about what came after the moment of the one before it.
  [[ ${last[$1]} ]] && (($2 < last[$1])) && return
  tries=$((tries + 1))
  if [[ ${letter[$1]} == "$3" ]]; then last[$1]=$2; number_of[$1]=$((number_of[$1] + 1)); return; fi
  end "$1"
  letter[$1]=$3 first[$1]=$2 last[$1]=$2 number_of[$1]=1
}
end() {
  [[ ${letter[$1]} ]] || return
  runs[$1]+="${letter[$1]}$(((first[$1] - start) / 1000))-$(((last[$1] - start) / 1000))x${number_of[$1]} "
}
settled() {
  local i changed=
  for ((i = 0; i < rows; i++)); do
    [[ ${left[i]} ]] && continue
    [[ ${fate[i]} == "${want[i]:phase:1}" ]] && ((count[i] >= least && until[i] - since[i] >= window)) || return 1
    [[ ${want[i]:phase:1} == "${want[i]:phase-1:1}" ]] || changed=1
  done
  # Without a change, nothing shows that the last phase has begun.
  [[ $changed ]] || ((phase + 1 < ${#phases[@]}))
}
over() { : >"$state/${phases[phase]}"; phase=$((phase + 1)); }

number=0 oldest=0 phase=0 tries=0 ended=settled
best=() pid=() target=() launched=() begun=() answer=() fate=() count=() since=() until=() left=()
runs=() letter=() first=() last=() number_of=()
now; next=$moment
while ((phase < ${#phases[@]})); do
  now
  if ((moment >= stop)); then ended=lifetime; break; fi
  if ((moment >= next)); then
    target[number]=$((number % rows)) launched[number]=$moment
    try $number $((number % rows)) &
    pid[number]=$!
    number=$((number + 1)) next=$((next + every > moment ? next + every : moment + every))
    continue
  fi
  printf -v pause '0.%06d' $((next - moment))
  hear "$pause" && continue
  # All that was said before `moment` is read now: what this program was too late for does not count as dropped.
  while ((oldest < number)); do
    if [[ -z ${answer[oldest]} ]]; then
      ((moment - ${begun[oldest]:-$moment} > patience || moment - launched[oldest] > 3000000)) || break
      asleep=; read -r asleep <"/proc/${pid[oldest]}/stat"; asleep=${asleep##*) }
      # It waits for an answer; one that waits for the processor is no evidence.
      if [[ ${begun[oldest]} && $asleep == S* ]]; then know $oldest D
      elif ((moment - launched[oldest] > 3000000)); then answer[oldest]='?'
      else break
      fi
      kill -9 "${pid[oldest]}"
    fi
    [[ ${answer[oldest]} == '?' ]] || keep "${target[oldest]}" "${begun[oldest]}" "${answer[oldest]}"
    unset "answer[oldest]" "begun[oldest]" "pid[oldest]" "target[oldest]" "launched[oldest]"
    oldest=$((oldest + 1))
  done
  done_with=0; read -r done_with <"$told/over"
  if ((done_with > phase)); then
    for ((i = 0; i < rows; i++)); do
      [[ ${fate[i]} == "${want[i]:phase:1}" ]] || left[i]=1
    done
    over
  elif settled; then over
  fi
done
now
for ((; oldest < number; oldest++)); do
  # What is not answered while later tries to the same target are has been dropped; of the last ones nobody knows.
  if [[ -z ${answer[oldest]} ]]; then
    kill -9 "${pid[oldest]}"
    [[ ${begun[oldest]} ]] && ((begun[oldest] < since[target[oldest]])) && answer[oldest]=D
  fi
  [[ ${answer[oldest]:-?} == '?' ]] || keep "${target[oldest]}" "${begun[oldest]}" "${answer[oldest]}"
done
text="1 $start $moment $tries $ended"$'\n'
share=$(((most - 100) / (rows > 0 ? rows : 1)))
for ((i = 0; i < rows; i++)); do
  end "$i"
  line="$i ${runs[i]}"
  ((${#line} < share)) || line="${line:0:share-3} !"
  text+="$line"$'\n'
done
say "$text"
"""
)
"""Its arguments: where its message goes; its folder; the folder with what it is told; its lifetime in seconds; in microseconds how often it
tries, how long it waits, by how much an answer may be slower, and how long a fate must hold; for how many connections; the bytes of a
message; the phases."""

WAITER = r"""
exec 3<> <(:)
stop=$((EPOCHSECONDS + $4))
until [[ -e $2/$3 ]] || ((EPOCHSECONDS > stop)); do read -r -t 0.05 -u 3; done
printf '%s' "${EPOCHREALTIME/[.,]/}" >"$1"
"""
"""Ends when the client has settled in a phase, and says when that was. Its arguments: where its message goes; the client's folder; the
phase; its lifetime in seconds."""

# Whatever a client asks for, the servers answer with a fixed text: nobody is to use agnhost's own commands.
SERVER = r"""
printf -v fill '%2000s' ''
/agnhost netexec --http-port="$3" --udp-port="$4" --http-override=/hostname &
exec /agnhost netexec --http-port="$1" --udp-port="$2" "--http-override=/echo?msg=${fill// /x}"
"""
"""Its arguments: the ports that a policy allows, of TCP and UDP, and two that none allows."""


class Target(NamedTuple):
    """What a client connects to."""

    address: str
    port: int
    kind: str
    """TCP, UDP, LARGE (packets of the link's size both ways, over TCP), DNS: and a message of DNS as `dns_kind` writes it."""
    wanted: str
    """By phase the letter of the fate."""


def client_arguments(lifetime: int) -> list[str]:
    micro = [round(seconds * 1_000_000) for seconds in (EVERY, PATIENCE, SLACK, WINDOW)]
    return [*map(str, (MESSAGE, STATE, TOLD, lifetime, *micro, LEAST, MOST)), *PHASES]


def dns_kind(question: bytes) -> str:
    """:param question: without its number, and without a line's end"""
    return "DNS:" + "".join(f"\\x{byte:02x}" for byte in question)


def targets_text(targets: Sequence[Target]) -> str:
    return "".join(f"{one.address} {one.port} {one.kind} {one.wanted}\n" for one in targets)


class ClientReport(NamedTuple):
    began: float
    ended: float
    tries: int
    """Those that say something."""
    settled: bool
    """All phases settled; else its lifetime was over."""
    runs: Mapping[int, Sequence[Run]]
    """By the target's place, in seconds of the client's clock."""
    cut: frozenset[int]
    """Targets whose fate changed more often than the message has room for."""


def client_report(message: str) -> ClientReport:
    """ValueError where it is no report: then the message says what is wrong, or it is empty."""
    head, *lines = message.splitlines() or [""]
    told = re.fullmatch(r"1 (\d+) (\d+) (\d+) (settled|lifetime)", head)
    if told is None:
        raise ValueError(f"no report: {message}")
    began, ended, tries, how = told.groups()
    start = int(began) / 1e6
    runs, cut = {}, set()
    for line in lines:
        place, *words = line.split()
        if words and words[-1] == "!":
            cut.add(int(place))
            words = words[:-2]  # the last run may be cut in its middle
        runs[int(place)] = [_run(word, start) for word in words]
    return ClientReport(start, int(ended) / 1e6, int(tries), how == "settled", runs, frozenset(cut))


def _run(word: str, start: float) -> Run:
    told = re.fullmatch(r"([ARDU])(-?\d+)-(-?\d+)x(\d+)", word)
    if told is None:
        raise ValueError(f"no run of connections: {word}")
    first, last = (start + int(told[place]) / 1000 for place in (2, 3))
    return Run(first, last, LETTERS[told[1]], int(told[4]))
