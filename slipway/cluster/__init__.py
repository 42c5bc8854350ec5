"""The Swarm: nodes, stacks, ledger, lease."""
