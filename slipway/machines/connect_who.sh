# shellcheck shell=sh
# The node that an engine is in its Swarm, and whether it manages it. `docker info` starts every plugin
# of the client: only where the short question has no answer, on workers and without a leader.
timeout 5 docker node inspect self --format '{{.ID}} true' 2>/dev/null ||
  docker info --format '{{.Swarm.NodeID}} {{.Swarm.ControlAvailable}}'
