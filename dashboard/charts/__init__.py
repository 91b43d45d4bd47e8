"""Pieces that several pages draw with: marks of priorities, states that say what to do, tables, downloads.

Must not: read data; know of a page.
"""
