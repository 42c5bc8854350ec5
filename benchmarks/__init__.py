"""Side-by-side measurements, one module per claim: `inv benchmark`, results in docs/benchmarks.md."""
