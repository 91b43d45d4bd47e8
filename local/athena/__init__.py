"""athena."""
