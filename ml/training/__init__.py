"""From periods of normal operation to models: baselines, forests, ONNX files, the training report.

It must not know how models are evaluated, nor any command; nothing here looks at an event to choose a value.
"""
