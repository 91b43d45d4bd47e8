"""The CDK app: `python3 app.py`, as `cdk.json` says.

Context keys: `target`, `settings`, `monthlyLimitUsd` where the settings leave the monthly budget open, and
`image_tag`, the tag of the services' images.
"""

import re
import sys
from pathlib import Path

from aws_cdk import App, Stack, Tags

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # the CDK command line runs this file from its own folder
    sys.path.insert(0, str(ROOT))

from infra.cdk.common import PACKAGES, Deployment, DeployTarget, PackageMissingError  # noqa: E402
from infra.cdk.encryption import use_own_key  # noqa: E402
from infra.cdk.guardrails import GuardrailsStack  # noqa: E402
from infra.cdk.jobs import JobsStack  # noqa: E402
from infra.cdk.lake import LakeStack  # noqa: E402
from infra.cdk.ops import OpsStack  # noqa: E402
from infra.cdk.review import review  # noqa: E402
from infra.cdk.scoring import ScoringStack  # noqa: E402
from infra.cdk.services import ServicesStack  # noqa: E402
from infra.cdk.spark import SparkStack  # noqa: E402
from infra.cdk.stream import StreamStack  # noqa: E402
from infra.settings import SETTINGS_FILE, SettingsError, load_settings  # noqa: E402
from infra.settings_ops import MOST_USD  # noqa: E402


def build(app: App, deployment: Deployment) -> tuple[LakeStack, StreamStack, ScoringStack]:
    """Adds the stacks of `deployment` to `app`, tagged and with the reviewed exceptions noted."""
    lake = LakeStack(app, "PetroStreamLake", deployment=deployment)
    stream = StreamStack(app, "PetroStreamStream", deployment=deployment)
    scoring = ScoringStack(app, "PetroStreamScoring", deployment=deployment)
    stream.add_stack_dependency(lake)
    scoring.add_stack_dependency(stream)
    jobs = JobsStack(app, "PetroStreamJobs", deployment=deployment)
    jobs.add_stack_dependency(scoring)
    last: Stack = jobs
    if deployment.services:
        services = ServicesStack(app, "PetroStreamServices", deployment=deployment)
        services.add_stack_dependency(last)
        last = services
    if deployment.spark:
        SparkStack(app, "PetroStreamSpark", deployment=deployment).add_stack_dependency(jobs)
    if not deployment.twin:  # the emulator has no budgets, and nobody to send an e-mail to
        ops = OpsStack(app, "PetroStreamOps", deployment=deployment)
        guardrails = GuardrailsStack(app, "PetroStreamGuardrails", deployment=deployment)
        # Alarms watch, and the hard stop names, what the others create.
        ops.add_stack_dependency(last)
        guardrails.add_stack_dependency(last)
        if deployment.settings.encryption == "kms":
            use_own_key(deployment.settings, lake, [stream, scoring, jobs, ops])
    settings = deployment.settings
    for key, value in {**settings.tags, "environment": settings.environment}.items():
        Tags.of(app).add(key, value)
    return lake, stream, scoring


def context_target(value: object) -> DeployTarget:
    """The target named in the context.

    Raises:
        SettingsError: it is neither `aws` nor `twin`.
    """
    if value in (None, "aws"):
        return "aws"
    if value == "twin":
        return "twin"
    raise SettingsError(f"-c target={value}: must be aws or twin")


def context_limit(value: object) -> float:
    """The monthly limit named in the context.

    Raises:
        SettingsError: it is not a number of dollars.
    """
    try:
        limit = float(str(value))
    except ValueError:
        limit = 0.0
    if not 0 < limit <= MOST_USD:
        raise SettingsError(f"-c monthlyLimitUsd={value}: must be a number of dollars")
    return limit


def context_tag(value: object) -> str | None:
    """The image tag named in the context.

    Raises:
        SettingsError: it cannot be one.
    """
    if value in (None, ""):
        return None
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", str(value)):
        raise SettingsError(f"-c image_tag={value}: must be a tag of an image, such as 1.4.0 or a commit")
    return str(value)


def main() -> None:
    """Synthesises the app, or ends with the reason why it cannot."""
    app = App()
    try:
        target = context_target(app.node.try_get_context("target"))
        settings = load_settings(Path(app.node.try_get_context("settings") or SETTINGS_FILE))
        limit = app.node.try_get_context("monthlyLimitUsd")
        if limit is not None:
            settings = settings.with_monthly_limit(context_limit(limit))
        tag = context_tag(app.node.try_get_context("image_tag"))
        build(app, Deployment(settings, target, PACKAGES[target], tag))
    except (SettingsError, PackageMissingError) as error:
        sys.exit(f"error: {error}")
    if target == "aws":
        review(app)
    app.synth()


if __name__ == "__main__":
    main()
