"""Paths and address of the local twin, and the environment that points AWS clients at it."""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ToolError
from toolchain.paths import ROOT

HOME = ROOT / ".petrostream"
"""Folder of the twin, unless PETROSTREAM_HOME names another."""

OUTPUTS = ROOT / "build" / "cdk-outputs.json"
"""Outputs of the stacks of the twin in `HOME`."""

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
ACCOUNT = "000000000000"
REGION = "us-east-1"

IAM_VARIABLE = "PETROSTREAM_IAM"
"""Environment variable that enables the emulator's access control: `enforce`."""

# Any of these would direct a client to another account, or make it fail before it reaches the twin.
_FOREIGN = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@dataclass(frozen=True, slots=True)
class Twin:
    """Paths and address of one local twin."""

    port: int
    home: Path

    @property
    def endpoint(self) -> str:
        """URL of every AWS service of the twin."""
        return f"http://{HOST}:{self.port}"

    @property
    def objects(self) -> Path:
        """Folder of the S3 objects."""
        return self.home / "s3"

    @property
    def state(self) -> Path:
        """Folder of everything else that the emulator keeps over a restart."""
        return self.home / "state"

    @property
    def journal(self) -> Path:
        """What the emulator has acknowledged since it last saved the rest."""
        return self.state / "journal.db"

    @property
    def scratch(self) -> Path:
        """Folder for unpacked functions and copies for queries; emptied at every start."""
        return self.home / "tmp"

    @property
    def log(self) -> Path:
        """Log of the emulator and its functions."""
        return self.home / "emulator.log"

    @property
    def pid_file(self) -> Path:
        """Process number of the running emulator."""
        return self.home / "emulator.pid"

    @property
    def lock(self) -> Path:
        """Lock file, held by the command that starts, deploys or stops."""
        return self.home / "lock"

    @property
    def outputs(self) -> Path:
        """File with the names of what was deployed."""
        return OUTPUTS if self.home == HOME else self.home / "cdk-outputs.json"

    @property
    def catalogue(self) -> Path:
        """The tables as the last deployment left them."""
        return self.home / "catalogue.json"

    @property
    def assembly(self) -> Path:
        """Folder for the CDK's templates and assets."""
        return self.home / "cdk.out"

    @property
    def terraform(self) -> Path:
        """Folder in which Terraform runs and keeps its state."""
        return self.home / "terraform"

    @property
    def contents(self) -> list[Path]:
        """Everything the twin has written: what a purge deletes.

        All of the default folder belongs to PetroStream. A folder named by PETROSTREAM_HOME may hold other
        things, which are left alone.
        """
        if self.home == HOME:
            owned = [self.home, self.outputs]
        else:
            logs = [*self.home.glob("emulator.log*"), self.home / "deploy.log"]
            files = [self.pid_file, self.lock, self.deployed, self.outputs, self.catalogue]
            files += [*self.home.glob("replay*"), *self.home.glob("cdc-*")]
            folders = [self.objects, self.state, self.scratch, self.assembly, self.terraform]
            owned = [*folders, *logs, *files]
        return [path for path in owned if path.exists()]

    @property
    def deployed(self) -> Path:
        """Record of the last deployment, to decide whether another one is needed."""
        return self.home / "deployed.json"


def twin() -> Twin:
    """The twin of this repository; `PETROSTREAM_PORT` and `PETROSTREAM_HOME` move it.

    Raises:
        ToolError: PETROSTREAM_PORT is not a port number.
    """
    text = os.environ.get("PETROSTREAM_PORT", str(DEFAULT_PORT))
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise ToolError(
            f"PETROSTREAM_PORT is {text!r}, which is not a port number.",
            "Set it to a number from 1024 to 65535, or leave it unset for 4566.",
        )
    home = Path(os.environ.get("PETROSTREAM_HOME", HOME))
    return Twin(port=int(text), home=home.resolve())


def iam_enforced() -> bool:
    """Whether the emulator enforces roles and policies: PETROSTREAM_IAM=enforce.

    Raises:
        ToolError: PETROSTREAM_IAM has another value.
    """
    text = os.environ.get(IAM_VARIABLE, "")
    if text not in {"", "enforce"}:
        raise ToolError(
            f"{IAM_VARIABLE} is {text!r}, which is not a known value.",
            "Set it to enforce, or leave it unset to allow every caller everything.",
        )
    return text == "enforce"


def client_environment(target: Twin | None = None) -> dict[str, str]:
    """Variables that point boto3, the CDK and the functions at the twin."""
    target = target or twin()
    return {
        "AWS_ENDPOINT_URL": target.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }


def subprocess_environment(
    target: Twin | None = None, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A whole environment for a child process: `base` (or this process's) with clients on the twin.

    Profiles and sessions of a real account are removed, so that no child process can reach one.
    """
    environment = dict(os.environ if base is None else base)
    point_at_twin(environment, target)
    return environment


def point_at_twin(environment: MutableMapping[str, str] = os.environ, target: Twin | None = None) -> None:
    """Make AWS clients created from now on use the twin, and no real account."""
    for name in (*_FOREIGN, *(name for name in environment if name.startswith("AWS_ENDPOINT_URL_"))):
        environment.pop(name, None)
    environment.update(client_environment(target))
    environment["NO_PROXY"] = environment["no_proxy"] = _no_proxy(environment)


def _no_proxy(environment: Mapping[str, str]) -> str:
    """The proxy exceptions plus the loopback address: the twin is never behind a proxy."""
    present = [
        name for name in environment.get("no_proxy", environment.get("NO_PROXY", "")).split(",") if name
    ]
    return ",".join(dict.fromkeys([*present, HOST, "localhost"]))
