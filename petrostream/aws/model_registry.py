"""Keys of the model registry in the artifacts bucket, for those who publish models and those who read them.

`models/current.json` names the version in use; `models/<version>/manifest.json` describes a version.
"""

PREFIX = "models"
POINTER = "current.json"
MANIFEST = "manifest.json"

FORMAT = 1
"""Format of the manifest."""
