"""What the agent can be asked to do, one module a subject."""
