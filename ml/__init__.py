"""Training and evaluation: everything that needs scikit-learn. Nothing here runs in a Lambda function.

The modules at the top are commands. The rooms below them import downwards: evaluation, training, registry,
data. None imports producer, deploy or local.
"""
