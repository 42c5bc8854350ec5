"""Side-by-side measurements, one module per claim; results go to docs/benchmarks.md."""
