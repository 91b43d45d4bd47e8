"""`python -m deploy`."""

from toolchain.environment import require_packages

require_packages("-m deploy")

from deploy.cli import main  # noqa: E402 - the check comes first

main()
