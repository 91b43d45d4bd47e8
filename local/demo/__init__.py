"""The demo: from nothing to SQL on one machine, and a report that compares what was sent with what landed."""
