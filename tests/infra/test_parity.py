"""The two definitions of the lake make the same thing: what differs is named, field by field."""

import json

import pytest

from infra.settings import SETTINGS_FILE
from tests.support import parity_cdk, parity_guards, parity_terraform
from tests.support.terraform import ACCOUNT_VARIABLES, planned

LAKE = ("PetroStreamLake", "PetroStreamStream", "PetroStreamScoring", "PetroStreamJobs")
KINDS = (
    "bucket", "database", "table", "workgroup", "query", "stream", "firehose", "log group", "log stream",
    "role", "function", "live table", "queue", "topic", "mapping",
    "state machine", "schedule", "schedule group",
)  # fmt: skip
MODULES = ("module.lake.", "module.stream.", "module.scoring.", "module.jobs.")


@pytest.fixture(scope="module")
def cdk(aws):
    return parity_cdk.facts({name: aws.stacks[name] for name in LAKE})


@pytest.fixture(scope="module")
def terraform(aws_plan):
    return parity_terraform.facts(planned(aws_plan, MODULES))


def test_both_make_the_same_resources(cdk, terraform):
    assert set(cdk) == set(terraform)
    assert {kind for kind, _ in cdk} >= {
        "bucket",
        "table",
        "stream",
        "firehose",
        "function",
        "role",
        "mapping",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_both_pass_the_same_settings(cdk, terraform, kind):
    names = [name for of, name in cdk if of == kind]
    assert names
    for name in names:
        ours, theirs = cdk[kind, name], terraform.get((kind, name), {})
        differences = {
            field: {"cdk": ours.get(field), "terraform": theirs.get(field)}
            for field in ours.keys() | theirs.keys()
            if ours.get(field) != theirs.get(field)
        }
        assert not differences, name


def test_every_kind_is_compared(cdk):
    assert {kind for kind, _ in cdk} == set(KINDS)


def test_both_have_the_same_outputs(aws, aws_plan):
    cdk = {name for stack in LAKE for name in aws.stacks[stack].get("Outputs", {})}
    terraform = set(aws_plan["planned_values"]["outputs"])
    assert cdk <= terraform, cdk - terraform


# Their ARNs are AWS's choice, so Terraform does not know these before the resources exist.
NOT_KNOWN = {
    ("petrostream-plan", "trust"),
    ("petrostream-deploy", "trust"),
    ("petrostream-hard-stop", "rights"),
}


def test_both_watch_and_guard_alike(ops, guardrails, aws_plan):
    resources = {
        name: row
        for templates in (ops, guardrails)
        for template in templates.stacks.values()
        for name, row in template["Resources"].items()
    }
    cdk = parity_guards.of_cdk(resources)
    terraform = parity_guards.of_terraform(planned(aws_plan, ("module.ops", "module.guardrails")))
    assert set(cdk) == set(terraform)
    assert {kind for kind, _ in cdk} == {"alarm", "dashboard", "budget", "role", "policy"}
    unknown = set()
    for (kind, name), ours in cdk.items():
        theirs = terraform[kind, name]
        known = {field: value for field, value in ours.items() if field in theirs}
        assert known == theirs, f"{kind} {name}"
        short = name.removesuffix("-us-east-1")
        unknown |= {(short, field) for field in ours if ours[field] and field not in theirs}
    assert unknown == NOT_KNOWN


def test_both_read_through_enhanced_fan_out_alike(synth, terraform_copy, tmp_path):
    def change(settings):
        settings["scoring"].update(enhanced_fan_out=True)

    templates = synth("aws", change)
    raw = json.loads(SETTINGS_FILE.read_text())
    change(raw)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(raw))
    plan = terraform_copy.plan(f"-var=settings_file={path}", *ACCOUNT_VARIABLES)
    cdk = parity_cdk.facts({name: templates.stacks[name] for name in LAKE})
    terraform = parity_terraform.facts(planned(plan, MODULES))
    assert ("consumer", "petrostream-scoring") in cdk
    sources = {facts["mapping", "petrostream-scoring"].pop("source") for facts in (cdk, terraform)}
    assert sources == {"consumer/petrostream-scoring", "a consumer"}
    assert cdk == terraform
