"""One lake for most end-to-end tests: deployed, with models for a few simulated wells."""

from tests.e2e.lakes import lake_fixtures

lake, simulated, models = lake_fixtures("session")
