module calico-ops.dev/lab/pause

go 1.26.0
