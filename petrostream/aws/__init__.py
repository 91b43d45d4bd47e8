"""Adapters: each hides one AWS service behind a small port and owns its retries and partial failures."""
