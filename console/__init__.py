"""One entry for all commands: `petrostream …`, the same as `python -m console …`."""
