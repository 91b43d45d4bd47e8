"""Athena's SQL on the twin: translated to DuckDB by the types of its expressions, or refused by name."""
