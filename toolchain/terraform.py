"""Find Terraform and its AWS provider on this machine.

If a folder holds the provider (a filesystem mirror), Terraform is configured to take it from there and to
contact no registry; otherwise it downloads the provider, once, into a cache below build/.
"""

import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.run import run_quietly

MIRROR_VARIABLE = "PETROSTREAM_TF_MIRROR"
"""Environment variable that names a filesystem mirror: a folder that holds `registry.terraform.io/…`."""

CACHE = ROOT / "build" / "terraform-plugins"
"""Where downloaded providers are kept, unless TF_PLUGIN_CACHE_DIR says otherwise."""

OLDEST = (1, 11)
_PROVIDER = Path("registry.terraform.io") / "hashicorp" / "aws"
# Where system administrators and packages install for all users.
_PREFIXES = ("/opt", "/srv", "/usr/local/share", "/usr/local/lib", "/usr/share")
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def binary(environment: Mapping[str, str] = os.environ) -> Path:
    """Find Terraform on the path.

    Raises:
        ToolError: there is none, it does not run, or it is too old.
    """
    found = shutil.which("terraform", path=environment.get("PATH"))
    advice = f"Install Terraform {OLDEST[0]}.{OLDEST[1]} or newer, or deploy with --iac cdk."
    if found is None:
        raise ToolError("There is no terraform on the path.", advice)
    answer = run_quietly(
        [found, "version"], ROOT, quiet(environment), what=f"{found} version", hint=advice, seconds=60.0
    )
    match = re.match(r"Terraform v((\d+)\.(\d+)\S*)", answer)
    if match is None:
        raise ToolError(f"{found} does not say which version it is: {answer[:80]!r}", advice)
    if (int(match[2]), int(match[3])) < OLDEST:
        raise ToolError(f"{found} is version {match[1]}, which lacks locks in S3.", advice)
    return Path(found)


def mirror(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Find a folder that holds the AWS provider for this machine; None if there is none.

    Raises:
        ToolError: PETROSTREAM_TF_MIRROR names a folder without it.
    """
    named = environment.get(MIRROR_VARIABLE)
    if named:
        if not _holds_provider(Path(named)):
            raise ToolError(
                f"{MIRROR_VARIABLE}={named}: there is no {_PROVIDER} for {_platform()} in it.",
                f"Unset {MIRROR_VARIABLE} to have the provider found or downloaded.",
            )
        return Path(named).resolve()
    return next((folder for folder in _candidates(environment) if _holds_provider(folder)), None)


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Folders that may be a mirror: those Terraform itself searches, then those of the system."""
    home = Path(environment.get("HOME", "/"))
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield home / ".terraform.d" / "plugins"
    yield data / "terraform" / "plugins"
    for prefix in _PREFIXES:
        yield Path(prefix) / "terraform" / "plugins"
        try:
            yield from sorted(path for path in Path(prefix).iterdir() if path.is_dir())
        except OSError:
            continue


def _holds_provider(folder: Path) -> bool:
    provider = folder / _PROVIDER
    try:
        unpacked = any(provider.glob(f"*/{_platform()}"))
        return unpacked or any(provider.glob(f"*_{_platform()}.zip"))
    except OSError:
        return False


def _platform() -> str:
    """This machine as Terraform spells it, for example `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without prompts and update checks, and without a configuration file that is missing."""
    result = {**environment, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    configuration = result.get("TF_CLI_CONFIG_FILE")
    if configuration and not Path(configuration).is_file():
        del result["TF_CLI_CONFIG_FILE"]
    return result


def environment_for(folder: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which Terraform finds its provider.

    A user's own configuration is left alone, unless PETROSTREAM_TF_MIRROR names another source.

    Args:
        folder: where the configuration file may be written; it is created.
        base: what the environment is made from.

    Raises:
        ToolError: PETROSTREAM_TF_MIRROR names a folder without the provider.
    """
    environment = quiet(base)
    personal = Path(environment.get("HOME", "/")) / ".terraformrc"
    own = "TF_CLI_CONFIG_FILE" in environment or personal.is_file()
    source = None if own and not environment.get(MIRROR_VARIABLE) else mirror(environment)
    if source is not None:
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "terraform.rc"
        configuration.write_text(_CONFIGURATION.format(mirror=source.as_posix()), encoding="utf-8")
        environment["TF_CLI_CONFIG_FILE"] = str(configuration)
    elif not own:
        cache = Path(environment.setdefault("TF_PLUGIN_CACHE_DIR", str(CACHE)))
        cache.mkdir(parents=True, exist_ok=True)
    return environment


_CONFIGURATION = """\
provider_installation {{
  filesystem_mirror {{
    path    = "{mirror}"
    include = ["registry.terraform.io/hashicorp/aws"]
  }}
  direct {{
    exclude = ["registry.terraform.io/hashicorp/aws"]
  }}
}}
"""
