"""What a computer needs before the first deploy: tools, engine, keys, base images."""
