"""Comparisons with suites that others wrote: each reads a checkout of the peer, and counts."""
