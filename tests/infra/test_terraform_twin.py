"""Infra as Terraform on a lake of its own: created, unchanged by a second plan, and gone without a trace.

Creating takes most of a minute, in which the provider only waits: it goes on while other tests run.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy import buckets, terraform_state
from deploy import terraform_twin as terraform
from deploy.context import Context
from deploy.engine import Iac
from deploy.output import Output
from tests.support.lake import STEP_SECONDS
from tests.support.terraform import planned_changes
from tests.support.terraform_provider import serving
from toolchain import terraform as terraform_tool
from toolchain.errors import ToolError
from toolchain.run import run_quietly
from toolchain.twin import ACCOUNT, REGION


def run(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Terraform to its end; returns what it printed."""
    command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
    return run_quietly(command, folder, environment, what=f"terraform {arguments[0]}")


BUCKET = f"petrostream-terraform-{ACCOUNT}-{REGION}"


@pytest.fixture(scope="module")
def clients(twin_lake):
    """Clients of that emulator, by service."""

    def make(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=twin_lake.twin.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return make


@pytest.mark.usefixtures("deploying")
def test_the_state_bucket_is_made_once_and_keeps_old_states(clients):
    s3 = clients("s3")
    assert terraform_state.prepare(s3, BUCKET, REGION, tls_only=False) is True
    assert terraform_state.prepare(s3, BUCKET, REGION, tls_only=False) is False
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}


@pytest.mark.usefixtures("deploying")
def test_the_state_lies_in_that_bucket_and_is_locked_in_use(twin_lake, clients, terraform_ready, tmp_path):
    """The real backend of the configuration, with a configuration that creates nothing."""
    s3 = clients("s3")
    terraform_state.prepare(s3, BUCKET, REGION, tls_only=False)
    answers = tmp_path / "backend.hcl"
    answers.write_text(terraform_state.backend_file(terraform_state.backend(BUCKET, REGION, emulator=True)))
    (tmp_path / "main.tf").write_text(_BACKEND)
    environment = dict(terraform_ready.environment) | {"AWS_ENDPOINT_URL": twin_lake.twin.endpoint}
    run(["init", f"-backend-config={answers}"], tmp_path, environment)
    run(["apply", "-auto-approve"], tmp_path, environment)
    key = "petrostream/terraform.tfstate"
    assert json.load(s3.get_object(Bucket=BUCKET, Key=key)["Body"])["outputs"]["kept"]["value"] == "yes"
    s3.put_object(Bucket=BUCKET, Key=f"{key}.tflock", Body=b'{"ID":"other","Who":"a colleague"}')
    with pytest.raises(ToolError, match="Error acquiring the state lock"):
        run(["plan", "-lock-timeout=0s"], tmp_path, environment)


_BACKEND = """\
terraform {
  backend "s3" {
    key          = "petrostream/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

output "kept" {
  value = "yes"
}
"""


def test_the_outputs_lead_to_what_was_created(deployed, clients):
    outputs = json.loads(deployed.twin.outputs.read_text())["PetroStream"]
    stream = clients("kinesis").describe_stream_summary(StreamName=outputs["StreamName"])
    assert stream["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
    function = clients("lambda").get_function_configuration(FunctionName=outputs["ScoringFunctionName"])
    assert function["Environment"]["Variables"]["LIVE_TABLE"] == outputs["LiveTableName"]
    assert function["Environment"]["Variables"]["PARTIAL_BATCH_RESPONSE"] == "false"
    clients("s3").head_bucket(Bucket=outputs["ArtifactsBucket"])
    assert re.search(r"scoring: [1-9]\d* resources", deployed.run("-m", "local", "status"))


def test_the_other_definition_keeps_its_hands_off(deployed):
    process = deployed.start("-m", "local", "up", "--iac", "cdk")
    output, _ = process.communicate(timeout=STEP_SECONDS)
    assert process.returncode == 1
    assert "was deployed by terraform" in output
    assert "--iac terraform" in output


@pytest.fixture(scope="module")
def attached(deployed):
    """The environment of further commands on the lake; the deployment itself started the provider anew."""
    base = terraform_tool.environment_for(deployed.twin.terraform, deployed.environment)
    with serving(_workspace(deployed), base, deployed.twin.home / "provider.log") as environment:
        yield environment


def _workspace(lake):
    return lake.twin.terraform / "infra" / "terraform"


def test_a_second_plan_changes_nothing_but_what_the_emulator_forgets(deployed, attached):
    workspace = _workspace(deployed)
    arguments = ["-input=false", "-lock=false", "-out=second"]
    run(["plan", *arguments, *terraform.variables()], workspace, attached)
    plan = json.loads(run(["show", "-json", "second"], workspace, attached))
    assert planned_changes(plan) == set(terraform.KNOWN_GAPS)


def test_destroy_leaves_nothing(deployed, attached, clients, monkeypatch):
    for name, value in attached.items():
        monkeypatch.setitem(os.environ, name, value)
    context = Context.find(Output(lambda _: None, deployed.twin.home / "deploy.log"))
    engine = context.engine(Iac.terraform)
    engine.prepare()
    engine.stop()
    # As `down` does: up asked Athena, whose results are objects, and only empty buckets can go.
    for bucket in context.names.buckets.values():
        buckets.empty(bucket)
    engine.finish()
    left = {bucket["Name"] for bucket in clients("s3").list_buckets()["Buckets"]}
    # The bucket of the state is the bootstrap's, not Terraform's.
    assert {name for name in left if "terraform" not in name} == set()
    assert clients("kinesis").list_streams()["StreamNames"] == []
    assert clients("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
    assert clients("lambda").list_functions()["Functions"] == []
    assert clients("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert clients("dynamodb").list_tables()["TableNames"] == []
    assert clients("sqs").list_queues().get("QueueUrls", []) == []
    assert clients("glue").get_databases()["DatabaseList"] == []
    assert [group["Name"] for group in clients("athena").list_work_groups()["WorkGroups"]] in (
        [],
        ["primary"],
    )
    assert clients("iam").list_roles()["Roles"] == []
    assert clients("logs").describe_log_groups()["logGroups"] == []
    assert terraform.module_states(deployed.twin) == {
        "lake": None,
        "stream": None,
        "scoring": None,
        "jobs": None,
    }
