"""What runs inside an environment, next to its database: verbs in, progress and results out."""
