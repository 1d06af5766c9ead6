"""What the metrics cost, beside other programs. Scripts, run from the top folder: `python -m benchmarks.metrics_speed`."""
