"""Files in volumes: backed up by restic, proven, restored beside those there are, swapped in."""
