"""Deploy the lake: prepare a plan, then apply it."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy import publish
from deploy.changes import Plan
from deploy.context import Context
from deploy.engine import Engine, Iac
from toolchain.errors import ToolError
from toolchain.package import Package


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deployment that is planned but not started."""

    context: Context
    engine: Engine
    packages: Mapping[str, Package]
    plan: Plan


def prepare(context: Context, iac: Iac) -> Prepared:
    """Check the tool, build the packages, and plan.

    Raises:
        ToolError: a tool or an answer is missing, the other tool has deployed here, or a package cannot be
            built.
    """
    engine = context.engine(iac)
    context.say(f"Deploying to {context.place} with {iac.value}, as {context.place.caller}")
    engine.prepare()
    refuse_other(context, engine)
    context.say("Building the function packages …")
    packages = publish.packages(context.names)
    context.say("Planning …")
    changes = tuple(sorted(engine.plan()))
    code = {name: package.sha256 for name, package in packages.items()}
    return Prepared(context, engine, packages, Plan(changes, code))


def refuse_other(context: Context, engine: Engine) -> None:
    """Refuse to deploy where the other tool has deployed the lake: every name would clash.

    Raises:
        ToolError: it has, or the account does not answer.
    """
    other = context.engine(Iac.terraform if engine.iac is Iac.cdk else Iac.cdk)
    if other.can_tell() and other.deployed():
        raise ToolError(
            f"The lake in {context.place} was deployed with {other.iac.value}.",
            f"Go on with --iac {other.iac.value}, or remove it first: "
            f"./project_down.sh aws --iac {other.iac.value}",
        )


def apply(prepared: Prepared) -> None:
    """Make the planned changes, then put code and views in place.

    Raises:
        ToolError: a step failed; running it again continues from there.
    """
    context = prepared.context
    if prepared.plan.changes:
        prepared.engine.apply()
    else:
        context.say("The definition is unchanged since the last deployment.")
    prepared.engine.complete()
    publish.ensure_code(context.names, prepared.packages, context.say)
    publish.apply_views(context.names, context.output)
