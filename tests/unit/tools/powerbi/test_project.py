"""The checked-in project is what the generator writes, and holds no secret."""

import configparser
import re
import subprocess
import sys

import pytest

from infra.settings import load_settings
from tests.support.paths import ROOT
from tests.support.secrets import ACCOUNT, SECRET
from tools.powerbi import project


def test_the_files_are_as_generated_to_the_byte():
    files = project.rendered()
    assert sorted(project.owned()) == sorted(files), "run make powerbi"
    stale = [path.name for path, text in files.items() if path.read_bytes() != text.encode()]
    assert stale == [], "run make powerbi"


def test_another_process_writes_the_same_bytes():
    code = (
        "import hashlib; from tools.powerbi.project import rendered; "
        "print(hashlib.sha256(repr(sorted((str(p), t) for p, t in rendered().items())).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def test_no_file_holds_a_secret_an_account_or_a_path_of_a_machine():
    files = [path for path in project.FOLDER.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert SECRET.search(text) is None, path
        assert set(ACCOUNT.findall(text)) <= {"123456789012"}, path
        assert not re.search(r"/home/|/Users/|C:\\Users", text), path


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "PWD=x",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws_secret_access_key = x",
    ],
)
def test_a_secret_would_be_found(text):
    assert SECRET.search(f"x = {text};")


def test_the_data_source_names_what_the_deployment_makes():
    settings = load_settings()
    template = configparser.ConfigParser(delimiters=("=",))
    template.optionxform = str
    template.read_string((project.FOLDER / "odbc" / "odbc.ini").read_text(encoding="utf-8"))
    source = dict(template["PetroStream"])
    assert source.keys() == {
        *("Driver", "Catalog", "AwsRegion", "Schema", "Workgroup", "S3OutputLocation"),
        *("AuthenticationType", "AWSProfile"),
    }
    assert source["Schema"] == settings.lake.database
    assert source["Workgroup"] == settings.lake.workgroup
    assert source["AuthenticationType"] == "IAM Profile"
    results = f"{settings.project}-athena-results-ACCOUNT-REGION"
    assert source["S3OutputLocation"] == f"s3://{results}/results/"
    policy = (ROOT / "infra" / "policies" / "analyst.json").read_text(encoding="utf-8")
    assert "${project}-athena-results-${account}-${region}/results/*" in policy
    windows = (project.FOLDER / "odbc" / "add-dsn.ps1").read_text(encoding="utf-8")
    for name, value in source.items():
        if name != "Driver":
            shown = value.replace("ACCOUNT", "$Account").replace("REGION", "$Region")
            shown = "$AwsProfile" if name == "AWSProfile" else shown
            assert f'"{name}={shown}"' in windows


def test_the_profile_assumes_the_role_that_may_only_read():
    settings = load_settings()
    profile = configparser.ConfigParser()
    profile.read_string((project.FOLDER / "odbc" / "aws-config.ini").read_text(encoding="utf-8"))
    role = profile["profile petrostream-analyst"]["role_arn"]
    assert role == f"arn:aws:iam::ACCOUNT:role/{settings.project}-analyst-REGION"
    access = (ROOT / "infra" / "terraform" / "modules" / "guardrails" / "access.tf").read_text(
        encoding="utf-8"
    )
    assert '"${var.names.project}-analyst-${var.place.region}"' in access
