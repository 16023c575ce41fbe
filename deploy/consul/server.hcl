# A Consul server as weft wants it. `weft up` gives the same by flags; compose.yaml mounts this file.
# Works from 1.8 on; check with: consul validate deploy/consul/server.hcl

server           = true
data_dir         = "/consul/data"
client_addr      = "0.0.0.0"

# One server is a quorum of one. On three hosts: 3, and retry_join with all their addresses.
bootstrap_expect = 1

performance {
  # 1 instead of 5: a new leader in about 2 s instead of 10. For production Consul's own guide says the same.
  raft_multiplier = 1
}

ports {
  # weft asks over HTTP only.
  dns = -1
}

# A certificate authority and the intentions, for services with IDENTITY=consul; idle without them.
connect {
  enabled = true
}

# Asks the publisher for news of versions otherwise.
disable_update_check = true
