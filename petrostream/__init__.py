"""PetroStream's domain: readings of wells in, scored readings, alarms, minutes and joined readings out.

One room a concern, listed in ARCHITECTURE.md; a room imports only rooms below it, by their public face.
"""
