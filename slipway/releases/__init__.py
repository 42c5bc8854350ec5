"""Releases: build, ship, plan, deploy, cut over, roll back."""
