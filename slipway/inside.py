"""The former name of `slipway.agent`; compose files may still say `python -m slipway.inside`."""

if __name__ == "__main__":
    import sys

    from slipway.agent.__main__ import main

    sys.exit(main())
