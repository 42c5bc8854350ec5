"""The project's own checks: lint, types and tests, and what they find around them."""
