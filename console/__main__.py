"""`python -m console`."""

from toolchain.environment import require_packages

require_packages("-m console")

from console.cli import main  # noqa: E402 - the check comes first

main()
