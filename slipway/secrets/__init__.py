"""Secrets: read with sops, held in a type that cannot be printed, delivered to the Swarm."""
