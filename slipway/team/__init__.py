"""The team: who reads the secrets of which environment, who enters its machines, who has left."""
