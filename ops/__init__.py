"""Tools for whoever operates the lake."""
