// SPDX-License-Identifier: GPL-3.0-or-later

// Command etcd is the unmodified etcd server, built from its Go module.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
