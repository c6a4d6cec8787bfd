"""Side-by-side measurements of the gateway and of nginx, run by `make bench`. See docs/benchmarks.md."""
