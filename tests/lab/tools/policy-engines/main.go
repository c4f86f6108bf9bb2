// Copyright (c) 2026, The calico_ops.rollout authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Command policy-engines asks two engines of others which connections NetworkPolicies allow.
//
// The first line of its input is a cluster: its namespaces and pods. Each further line is a question: policies, and connections between
// addresses. Each answer is a line, with a list of verdicts an engine, in the order of the connections.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	_ "unsafe" // for go:linkname

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

type world struct {
	Namespaces []*corev1.Namespace `json:"namespaces"`
	Pods       []*corev1.Pod       `json:"pods"`
}

type connection struct {
	Source      string          `json:"source"`
	Destination string          `json:"destination"`
	Protocol    corev1.Protocol `json:"protocol"`
	Port        int             `json:"port"`
}

type question struct {
	Policies    []*networkingv1.NetworkPolicy `json:"policies"`
	Connections []connection                  `json:"connections"`
}

type answer struct {
	Cyclonus            []bool `json:"cyclonus"`
	KubeNetworkPolicies []bool `json:"kube-network-policies"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	var cluster world
	in.Scan()
	must(json.Unmarshal(in.Bytes(), &cluster))
	matched, queue := newMatched(cluster), newQueue(cluster)
	for in.Scan() {
		var asked question
		must(json.Unmarshal(in.Bytes(), &asked))
		must(out.Encode(answer{matched.verdicts(asked), queue.verdicts(asked)}))
	}
	must(in.Err())
}

// matched is cyclonus' engine, of which policy-assistant's is a copy. It knows neither pods nor named ports, only what a connection says of them.
type matched struct {
	pods   map[string]*corev1.Pod
	labels map[string]map[string]string
}

func newMatched(cluster world) matched {
	found := matched{map[string]*corev1.Pod{}, map[string]map[string]string{}}
	for _, pod := range cluster.Pods {
		for _, address := range pod.Status.PodIPs {
			found.pods[address.IP] = pod
		}
	}
	for _, namespace := range cluster.Namespaces {
		found.labels[namespace.Name] = namespace.Labels
	}
	return found
}

func (m matched) verdicts(asked question) []bool {
	policies := matcher.BuildNetworkPolicies(false, asked.Policies)
	var said []bool
	for _, one := range asked.Connections {
		said = append(said, policies.IsTrafficAllowed(&matcher.Traffic{
			Source:           m.peer(one.Source),
			Destination:      m.peer(one.Destination),
			ResolvedPort:     one.Port,
			ResolvedPortName: m.portName(one),
			Protocol:         one.Protocol,
		}).IsAllowed())
	}
	return said
}

func (m matched) peer(address string) *matcher.TrafficPeer {
	peer := &matcher.TrafficPeer{IP: address}
	if pod := m.pods[address]; pod != nil && !pod.Spec.HostNetwork {
		peer.Internal = &matcher.InternalPeer{
			PodLabels:       pod.Labels,
			NamespaceLabels: m.labels[pod.Namespace],
			Namespace:       pod.Namespace,
		}
	}
	return peer
}

func (m matched) portName(one connection) string {
	pod := m.pods[one.Destination]
	if pod == nil || pod.Spec.HostNetwork {
		return ""
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if int(port.ContainerPort) == one.Port && port.Protocol == one.Protocol {
				return port.Name
			}
		}
	}
	return ""
}

// queue is kube-network-policies' engine, which judges the first packet of each connection. It exports no verdict, so it is asked by the name
// that the linker knows; packet has the fields of its own, in their order.
type queue struct {
	controller *networkpolicy.Controller
	policies   cache.Store
}

type packet struct {
	id      uint32
	family  corev1.IPFamily
	srcIP   net.IP
	dstIP   net.IP
	proto   corev1.Protocol
	srcPort int
	dstPort int
	payload []byte
}

//go:linkname evaluatePacket sigs.k8s.io/kube-network-policies/pkg/networkpolicy.(*Controller).evaluatePacket
func evaluatePacket(controller *networkpolicy.Controller, ctx context.Context, one packet) bool

func newQueue(cluster world) queue {
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	policies := factory.Networking().V1().NetworkPolicies()
	namespaces, pods := factory.Core().V1().Namespaces(), factory.Core().V1().Pods()
	controller, err := networkpolicy.NewController(
		client, policies, namespaces, pods, nil, nil, nil, nil, networkpolicy.Config{},
	)
	must(err)
	for _, namespace := range cluster.Namespaces {
		must(namespaces.Informer().GetStore().Add(namespace))
	}
	for _, pod := range cluster.Pods {
		must(pods.Informer().GetStore().Add(pod))
	}
	return queue{controller, policies.Informer().GetStore()}
}

func (q queue) verdicts(asked question) []bool {
	var held []any
	for _, policy := range asked.Policies {
		held = append(held, policy)
	}
	must(q.policies.Replace(held, ""))
	var said []bool
	for _, one := range asked.Connections {
		first := packet{
			srcIP:   net.ParseIP(one.Source),
			dstIP:   net.ParseIP(one.Destination),
			proto:   one.Protocol,
			srcPort: 40000,
			dstPort: one.Port,
		}
		said = append(said, evaluatePacket(q.controller, context.Background(), first))
	}
	return said
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
