"""`python -m producer.cdc`."""

from producer.cdc.cli import app
from toolchain import commands

commands.run(app)
