"""What models are worth on instances they have not seen: the streaming evaluation and the 3W benchmark.

Instances pass through the code that scores in operation. It must not change how models are trained, and
decides nothing that scoring decides: no threshold, no alarm.
"""
