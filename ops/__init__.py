"""Tools for operating the lake."""
