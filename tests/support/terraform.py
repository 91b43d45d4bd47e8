"""Terraform for the infra tests: a copy of the configuration, and a plan of it that needs no account."""

import json
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cost.limit import monthly_limit
from deploy import terraform_twin as terraform
from infra.settings import load_settings
from local.deployment import IAC_VARIABLE
from local.lifecycle import log_tail
from tests.support.lake import STEP_SECONDS, Lake
from tests.support.moto_account import MotoAccount, moto_account
from tests.support.terraform_provider import serving
from toolchain import terraform as terraform_tool
from toolchain.errors import ToolError
from toolchain.locks import alone
from toolchain.run import run_quietly
from toolchain.twin import ACCOUNT, REGION, subprocess_environment

PACKAGES = ("scoring", "raw_copy", "firehose_transform", "batch")
COMMAND_SECONDS = 900.0
"""A plan takes ten seconds on an idle machine, and minutes on one with ten times as much to do."""

EMAIL = "operations@example.com"
REPOSITORY = "owner/lake"
MONTHLY_LIMIT = monthly_limit(load_settings())
ACCOUNT_VARIABLES = (
    f"-var=alert_email={EMAIL}",
    f"-var=github_repository={REPOSITORY}",
    f"-var=monthly_limit_usd={MONTHLY_LIMIT}",
)
"""What a person answers when the lake goes to an account."""

# How Terraform says that it cannot reach the registry: nothing to do with the configuration.
_NO_REGISTRY = ("could not connect to registry", "Failed to query available provider", "error looking up")


@dataclass(frozen=True)
class Begun:
    """A command of Terraform that goes on beside the tests.

    Its output goes to a file: a pipe that nobody reads is full after 64 KiB, and the command stops for good.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        """What it has printed, once it has ended well; fails with that otherwise."""
        self.process.wait(COMMAND_SECONDS)
        assert self.process.returncode == 0, self.log.read_text()
        return self.log.read_text()


@dataclass(frozen=True)
class Terraform:
    """A copy of infra/terraform with everything it reads, initialised."""

    folder: Path
    workspace: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Terraform to its end, whatever that is."""
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.workspace,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    @contextmanager
    def begin(self, *arguments: str) -> Iterator[Begun]:
        """Terraform, to be waited for later; ended if nobody has waited."""
        log = self.workspace / f"{arguments[0]}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["terraform", *arguments],
                cwd=self.workspace,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield Begun(process, log)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=STEP_SECONDS)

    def plan(self, *arguments: str) -> dict[str, Any]:
        """A plan as JSON; fails with Terraform's own words."""
        result = self.run("plan", "-no-color", "-input=false", "-lock=false", "-out=plan", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        document: dict[str, Any] = json.loads(self.run("show", "-json", "plan").stdout)
        return document

    def removals(self, *arguments: str) -> set[str]:
        """Addresses that `destroy` would remove.

        Read from what the plan says while it is made: to show it afterwards would load the provider again.
        """
        result = self.run(
            "plan", "-json", "-destroy", "-refresh=false", "-input=false", "-lock=false", *arguments
        )
        assert result.returncode == 0, result.stdout + result.stderr
        messages = [json.loads(line) for line in result.stdout.splitlines()]
        changes = [message["change"] for message in messages if message["type"] == "planned_change"]
        return {row["resource"]["addr"] for row in changes if row["action"] == "delete"}


@pytest.fixture(scope="session")
def terraform_ready(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform, initialised, without an account; skips where there is no binary or no provider."""
    folder = tmp_path_factory.mktemp("terraform")
    for target in ("lambda", "lambda-local"):
        _stand_ins(folder / "build" / target)
    try:
        environment = terraform_tool.environment_for(folder, subprocess_environment())
        terraform_tool.binary(environment)
        workspace = terraform.stage(folder)
        command = ["terraform", "init", "-no-color", "-reconfigure"]
        # The first to come downloads the provider, into a folder that two must not write to at once.
        with alone(terraform_tool.CACHE.with_suffix(".lock")):
            run_quietly(command, workspace, environment, what="terraform init")
    except ToolError as error:
        text = str(error)
        if "terraform init failed" in text and not any(words in text for words in _NO_REGISTRY):
            raise
        pytest.skip(f"Terraform cannot run here: {text}")
    # Terraform and its provider collect garbage less often: a tenth less work, for 180 MB more.
    return Terraform(folder, workspace, {**environment, "GOGC": "400"})


@pytest.fixture(scope="session")
def terraform_attached(terraform_ready: Terraform, who_am_i: str) -> Iterator[Terraform]:
    """Terraform with its provider running, in an account that has nothing yet."""
    base = {**terraform_ready.environment, "AWS_ENDPOINT_URL": who_am_i}
    with serving(terraform_ready.workspace, base, terraform_ready.folder / "provider.log") as environment:
        yield replace(terraform_ready, environment=environment)


@pytest.fixture(scope="session")
def terraform_copy(terraform_attached: Terraform, request: pytest.FixtureRequest) -> Terraform:
    """Terraform, ready to plan."""
    needed = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    # What takes long goes on beside other tests: the sooner it begins, the sooner all of them are done.
    # Only what this process itself will wait for (tests/support/schedule.py).
    for name in sorted({"deploying", "module_tests"} & needed):
        request.getfixturevalue(name)
    return terraform_attached


@pytest.fixture(scope="session")
def twin_lake(terraform_ready: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """An emulator of these tests' own, and in it a lake that is deployed by Terraform."""
    lake = Lake.at(tmp_path_factory.mktemp("twin") / "home")
    lake.environment[IAC_VARIABLE] = "terraform"
    lake.run("-m", "local", "up", "--no-deploy")
    try:
        yield lake
    finally:
        lake.run("-m", "local", "down", "--purge", "--yes")


@pytest.fixture(scope="session")
def deploying(twin_lake: Lake) -> Iterator[subprocess.Popen[str]]:
    """The deployment, begun."""
    process = twin_lake.start("-m", "local", "deploy")
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(timeout=STEP_SECONDS)


@pytest.fixture(scope="session")
def deployed(twin_lake: Lake, deploying: subprocess.Popen[str]) -> Lake:
    """The lake, once it is deployed."""
    output, _ = deploying.communicate(timeout=STEP_SECONDS)
    # The lake's folder goes with the lake: what the emulator said is kept here.
    assert deploying.returncode == 0, f"{output}\n{log_tail(twin_lake.twin)}"
    return twin_lake


@pytest.fixture(scope="session")
def module_tests(terraform_attached: Terraform) -> Iterator[Begun]:
    """`terraform test`, begun: the tests of the modules, with a mocked provider."""
    with terraform_attached.begin("test", "-no-color") as begun:
        yield begun


@pytest.fixture(scope="session")
def account_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoAccount]:
    """Moto as an account of these tests' own."""
    with moto_account(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def account(
    terraform_ready: Terraform, account_server: MotoAccount, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    """Terraform, initialised, for the lake as AWS gets it, in that account."""
    folder = tmp_path_factory.mktemp("account")
    _stand_ins(folder / "build" / "lambda")
    environment = {**terraform_ready.environment, **account_server.environment}
    copy = Terraform(folder, terraform.stage(folder), environment)
    assert copy.run("init", "-no-color", "-reconfigure").returncode == 0
    with serving(copy.workspace, environment, folder / "provider.log") as attached:
        yield replace(copy, environment=attached)


@pytest.fixture(scope="session")
def account_applying(account: Terraform) -> Iterator[Begun]:
    """The deployment there as the pipeline makes it, begun."""
    targets = [f"-target=module.{name}" for name in ("lake", "stream", "scoring", "jobs", "ops")]
    answers = ("-auto-approve", "-no-color", "-input=false", *ACCOUNT_VARIABLES)
    with account.begin("apply", *answers, *targets) as begun:
        yield begun


@pytest.fixture(scope="session")
def aws_plan(terraform_copy: Terraform) -> dict[str, Any]:
    """The plan of the lake for AWS, in an account that has nothing yet."""
    return terraform_copy.plan(*ACCOUNT_VARIABLES)


def planned(document: Mapping[str, Any], modules_of: tuple[str, ...] = ("",)) -> Iterator[dict[str, Any]]:
    """The resources of a plan whose address begins so: address, type, index, values."""
    modules = [document["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules.extend(module.get("child_modules", []))
        for row in module.get("resources", []):
            if row["mode"] == "managed" and row["address"].startswith(modules_of):
                yield row


def planned_changes(
    plan: Mapping[str, Any], replaced: Mapping[str, str] | None = None
) -> set[tuple[str, str]]:
    """Type and attribute of everything a plan would update.

    Fails where it would do more than update: but for `replaced`, by resource type the one attribute that may
    be why.
    """
    found = set()
    for row in plan["resource_changes"]:
        allowed = (replaced or {}).get(row["type"])
        found |= {(row["type"], path) for path in _changed(row["change"], row["address"], allowed)}
    return found


def _changed(change: dict[str, Any], address: str, replaced_for: str | None) -> Iterator[str]:
    if change["actions"] in (["no-op"], ["read"]):
        return
    if replaced_for is not None and change["actions"] == ["delete", "create"]:
        assert change["replace_paths"] == [[replaced_for]], f"{address}: {change['replace_paths']}"
    else:
        assert change["actions"] == ["update"], f"{address}: {change['actions']}"
    yield from _differences(change["before"], change["after"], change["after_unknown"])


def _differences(before: Any, after: Any, unknown: Any, path: str = "") -> Iterator[str]:
    """Paths of the attributes that differ; what is not known yet is not a difference."""
    if unknown is True or before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and "tags" not in path:
        for key in before.keys() | after.keys():
            below = unknown.get(key) if isinstance(unknown, dict) else None
            yield from _differences(before.get(key), after.get(key), below, f"{path}.{key}".strip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            below = unknown[index] if isinstance(unknown, list) and index < len(unknown) else None
            yield from _differences(one, other, below, path)
    else:
        yield path


def _stand_ins(folder: Path) -> None:
    """Function packages that carry nothing but a name."""
    folder.mkdir(parents=True)
    for name in PACKAGES:
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("name.txt", name)


@pytest.fixture(scope="session")
def who_am_i() -> Iterator[str]:
    """An endpoint that knows who the caller is and what a plan of new resources asks for besides."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Identity)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Identity(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        target = self.headers.get("X-Amz-Target", "")
        secret, machine = "secretsmanager" in target, "ValidateStateMachineDefinition" in target
        zones = "DescribeAvailabilityZones" in asked
        body = (_MACHINE if machine else _SECRET if secret else _ZONES if zones else _ANSWER).encode()
        self.send_response(200)
        json_body = secret or machine
        self.send_header("Content-Type", "application/x-amz-json-1.1" if json_body else "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


# Definitions are checked by the emulator, and in tests/infra/test_jobs.py.
_MACHINE = '{"result": "OK", "diagnostics": []}'

_ANSWER = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/tester</Arn><UserId>tester</UserId>
<Account>{ACCOUNT}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>{REGION}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


_ZONES = (
    '<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
    "<requestId>r</requestId><availabilityZoneInfo>"
    + "".join(
        f"<item><zoneName>{REGION}{letter}</zoneName><zoneState>available</zoneState><zoneId>{letter}</zoneId>"
        f"<regionName>{REGION}</regionName><optInStatus>opt-in-not-required</optInStatus></item>"
        for letter in "abc"
    )
    + "</availabilityZoneInfo></DescribeAvailabilityZonesResponse>"
)

_SECRET = json.dumps(
    {
        "ARN": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:client-AbCdEf",
        "Name": "client",
        "VersionId": "0" * 32,
        "SecretString": "the-secret",
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1700000000,
    }
)
