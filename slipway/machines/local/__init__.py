"""Rehearsal machines: whole hosts on this computer, each with its own sshd and engine."""
