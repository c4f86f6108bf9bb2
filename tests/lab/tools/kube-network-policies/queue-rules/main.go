// SPDX-License-Identifier: GPL-3.0-or-later

// Command queue-rules makes a host ready for kube-network-policies. It makes an IP set and removes it, as Felix does:
// where the kernel refuses one, calico-node does not start, and neither does what stands in for it here. Then it sends the
// first packet of every connection to a pod of this host to the queue that kube-network-policies listens on.
//
// kube-network-policies has rules of its own for that, of an expression that not every kernel has (NFT_QUEUE). These use
// the target of iptables, and only on the way to a pod: a connection is judged on its server's host alone, so that a host
// that does not enforce is not hidden by the client's.
package main

import (
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/vishvananda/netlink"
)

const (
	set   = "calico-ops-lab"
	table = "lab-queue"
	queue = 100
	// What the ptp plugin calls the host's end of a pod's link.
	podLinks = "veth"
)

func main() {
	if err := netlink.IpsetCreate(set, "hash:net", netlink.IpsetCreateOptions{Replace: true}); err != nil {
		fail("make an IP set", err)
	}
	if err := netlink.IpsetDestroy(set); err != nil {
		fail("remove an IP set", err)
	}
	if err := addRules(); err != nil {
		fail("add the rules", err)
	}
}

func addRules() error {
	connection, err := nftables.New()
	if err != nil {
		return err
	}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		wanted := &nftables.Table{Name: table, Family: family}
		connection.AddTable(wanted)
		connection.DelTable(wanted)
		connection.AddTable(wanted)
		// Empty: what a test accepts in it does not come to the queue.
		exempt := connection.AddChain(&nftables.Chain{Name: "exempt", Table: wanted})
		forward := connection.AddChain(&nftables.Chain{
			Name:     "forward",
			Table:    wanted,
			Type:     nftables.ChainTypeFilter,
			Hooknum:  nftables.ChainHookForward,
			Priority: nftables.ChainPriorityFilter,
		})
		connection.AddRule(&nftables.Rule{Table: wanted, Chain: forward, Exprs: []expr.Any{
			&expr.Verdict{Kind: expr.VerdictJump, Chain: exempt.Name},
		}})
		// xt_NFQUEUE's first revision takes the queue's number alone, padded as the kernel pads it.
		number := xt.Unknown(append(binaryutil.NativeEndian.PutUint16(queue), make([]byte, 6)...))
		connection.AddRule(&nftables.Rule{Table: wanted, Chain: forward, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(podLinks)},
			&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
			&expr.Bitwise{
				SourceRegister: 1, DestRegister: 1, Len: 4,
				Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitNEW), Xor: make([]byte, 4),
			},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
			&expr.Target{Name: "NFQUEUE", Rev: 0, Info: &number},
		}})
	}
	return connection.Flush()
}

func fail(what string, err error) {
	message := fmt.Sprintf("cannot %s: %v\n", what, err)
	fmt.Fprint(os.Stderr, message)
	_ = os.WriteFile("/dev/termination-log", []byte(message), 0o600)
	os.Exit(1)
}
