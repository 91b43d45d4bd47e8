"""3W instances: reading, writing, downloading and simulating them, exactly as the files have them.

It must not know what is trained or evaluated on them: no baselines, no forests, no alarms.
"""
