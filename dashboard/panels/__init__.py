"""Parts of pages: each reads through `state.reader()`, draws a view, and shows problems in its own place.

Must not: hold figures or rules of its own; those are in `views/` and `data/`.
"""
