"""Brings back what failed: batches from the failure queue, rows from the error prefixes of the lake."""
