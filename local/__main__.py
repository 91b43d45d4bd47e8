"""`python -m local`."""

from toolchain.environment import require_packages

require_packages("-m local")

from local.cli import main  # noqa: E402 - the check comes first

main()
