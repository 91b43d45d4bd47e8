"""Lambda front doors."""
