"""Sources: programs that put readings on the ingest stream."""
