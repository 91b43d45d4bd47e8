"""gauges."""
