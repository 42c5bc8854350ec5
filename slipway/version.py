"""Which version of Slipway this is."""

__version__ = "0.2.0"
