"""What a month may cost, and who may do what from outside: as defined, and evaluated like AWS."""

import fnmatch
import json
import re
from fractions import Fraction

import pytest

from cost.bill import bill
from cost.limit import monthly_limit
from cost.workload import Workload
from deploy import terraform_state
from infra import watch
from infra.cdk.review_guardrails import REASONS, wildcards
from infra.settings import SettingsError, load_settings
from tests.support.terraform import MONTHLY_LIMIT

SETTINGS = load_settings()
ACCOUNT, REGION = "123456789012", "eu-north-1"
PLACE = watch.AccountRegion(account=ACCOUNT, region=REGION, partition="aws")
GITHUB = "token.actions.githubusercontent.com"
POLICIES = (
    "analyst",
    "dashboard",
    "plan",
    "plan_services",
    "plan_spark",
    "deploy",
    "deploy_jobs",
    "deploy_services",
    "deploy_spark",
    "spark",
    "hard_stop",
    "batch",
)
INLINE_LIMIT, MANAGED_LIMIT = 10_240, 6_144
"""Characters that IAM holds of a role's inline policies, and of a managed policy, without white space."""


def _statements(name):
    return watch.policy(name, SETTINGS, PLACE)["Statement"]


def _allows(name, action, resource):
    """Whether a policy allows an action, by IAM's rules for patterns; conditions count as met."""
    return any(
        statement["Effect"] == "Allow"
        and any(fnmatch.fnmatchcase(action, pattern) for pattern in statement["Action"])
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in _statements(name)
    )


def _bucket(zone, key=""):
    return f"arn:aws:s3:::petrostream-{zone}-{ACCOUNT}-{REGION}" + (f"/{key}" if key else "")


def _role(templates, name):
    for role in templates.resources("AWS::IAM::Role").values():
        if f"petrostream-{name}-" in json.dumps(role["Properties"]["RoleName"]):
            return role
    raise AssertionError(name)


# --- analysts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("athena:StartQueryExecution", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/petrostream"),
        ("athena:GetQueryResults", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/petrostream"),
        ("glue:GetTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/petrostream/well_data"),
        ("s3:GetObject", _bucket("curated", "scored_readings/date=2026-11-20/a.parquet")),
        ("s3:GetObject", _bucket("curated", "gold/well_data/date=2026-11-20/run=a/part-0000.parquet")),
        ("glue:GetPartitions", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/petrostream/well_data_gold"),
        ("s3:ListBucket", _bucket("curated")),
        ("s3:PutObject", _bucket("athena-results", "results/a.csv")),
        ("s3:GetObject", _bucket("athena-results", "results/a.csv")),
    ],
)
def test_an_analyst_can_query(action, resource):
    assert _allows("analyst", action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("athena:StartQueryExecution", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/primary"),
        ("athena:UpdateWorkGroup", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/petrostream"),
        ("glue:GetTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/other/secrets"),
        ("glue:CreateTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/petrostream/mine"),
        ("glue:DeleteTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/petrostream/scored_readings"),
        *(("s3:GetObject", _bucket(zone, "a")) for zone in ("raw", "quarantine", "artifacts")),
        *(("s3:ListBucket", _bucket(zone)) for zone in ("raw", "quarantine", "artifacts")),
        ("s3:GetObject", _bucket("curated", "errors/petrostream-delivery/a")),
        ("s3:GetObject", _bucket("athena-results", "other/a.csv")),
        *(
            (f"s3:{verb}Object", _bucket("curated", "scored_readings/date=2026-11-20/a.parquet"))
            for verb in ("Put", "Delete")
        ),
        ("s3:DeleteObject", _bucket("athena-results", "results/a.csv")),
        ("kinesis:PutRecords", f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/petrostream-ingest"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/petrostream-live"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/petrostream-scoring-{REGION}"),
    ],
)
def test_an_analyst_can_do_nothing_else(action, resource):
    assert not _allows("analyst", action, resource)


def test_analysts_come_from_this_account(guardrails):
    (trust,) = _role(guardrails, "analyst")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert ":root" in json.dumps(trust["Principal"]["AWS"])
    assert {"Ref": "AWS::AccountId"} in trust["Principal"]["AWS"]["Fn::Join"][1]


# --- GitHub ---------------------------------------------------------------------------------------------


NUMBERS = {"GitHubOwnerId": "123", "GitHubRepositoryId": "456"}
SUBJECTS = {"by name": "repo:owner/lake", "by number": "repo:owner@123/lake@456"}
"""The two forms in which a token names a repository (GitHub changelog, 2026-04-23)."""


def _token(form="by name", subject="environment:production", **claims):
    """The claims of a workflow run on main in the environment, unless changed."""
    run = {
        "aud": "sts.amazonaws.com",
        "sub": f"{SUBJECTS[form]}:{subject}",
        "ref": "refs/heads/main",
        "repository": "owner/lake",
        "repository_id": "456",
        "repository_owner_id": "123",
    }
    return {name: value for name, value in {**run, **claims}.items() if value is not None}


def _trusts(role, token, **parameters):
    """Whether a role's trust policy lets a token in, once the parameters of the stack are filled in."""
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    given = {"GitHubRepository": "owner/lake", "GitHubOwnerId": "", "GitHubRepositoryId": "", **parameters}
    name, pinned, named = statement["Condition"]["Fn::If"]
    assert name == "OneRepository"
    conditions = pinned if given["GitHubOwnerId"] and given["GitHubRepositoryId"] else named
    assert set(conditions) <= {"StringEquals", "StringLike"}
    return all(
        any(_fits(operator, token.get(key.removeprefix(f"{GITHUB}:")), _filled(one, given)) for one in wanted)
        for operator, rows in conditions.items()
        for key, value in rows.items()
        for wanted in [value if isinstance(value, list) else [value]]
    )


def _fits(operator, claim, wanted):
    """How IAM compares; a claim that is missing fits nothing."""
    if claim is None:
        return False
    return claim == wanted if operator == "StringEquals" else fnmatch.fnmatchcase(claim, wanted)


def _filled(value, given):
    match value:
        case str():
            return value
        case {"Ref": name}:
            return given[name]
        case {"Fn::Join": [between, parts]}:
            return between.join(_filled(part, given) for part in parts)
        case {"Fn::Select": [index, {"Fn::Split": [at, of]}]}:
            return _filled(of, given).split(at)[int(index)]
    raise AssertionError(value)


MAIN = "ref:refs/heads/main"


@pytest.mark.parametrize("numbers", [{}, NUMBERS], ids=["name", "numbers"])
@pytest.mark.parametrize("form", SUBJECTS)
@pytest.mark.parametrize(("name", "subject"), [("deploy", "environment:production"), ("plan", MAIN)])
def test_a_run_on_the_branch_gets_its_role(guardrails, name, subject, form, numbers):
    assert _trusts(_role(guardrails, name), _token(form, subject), **numbers)


STRANGERS = [
    _token(subject="pull_request", ref="refs/pull/7/merge"),
    _token(subject="ref:refs/heads/other", ref="refs/heads/other"),
    _token(subject="ref:refs/tags/main", ref="refs/tags/main"),
    _token(subject="environment:staging"),
    _token("by number", "environment:staging"),
    _token(ref="refs/heads/other"),
    _token(
        sub="repo:owner/lake-fork:environment:production", repository="owner/lake-fork", repository_id="7"
    ),
    _token(sub="repo:stranger/lake:environment:production", repository="stranger/lake", repository_id="7"),
    _token(sub=f"repo:stranger/lake:{MAIN}", repository="stranger/lake", repository_id="7"),
    # Another repository whose environment is called so that the pattern of the subject fits.
    _token(
        sub="repo:owner@123/other@7:environment:x/lake@1:environment:production",
        repository="owner/other",
        repository_id="7",
    ),
    _token(aud="https://github.com/owner"),
    {"aud": "sts.amazonaws.com"},
]


@pytest.mark.parametrize("numbers", [{}, NUMBERS], ids=["name", "numbers"])
@pytest.mark.parametrize("name", ["deploy", "plan"])
@pytest.mark.parametrize("token", STRANGERS)
def test_any_other_run_gets_no_role(guardrails, name, token, numbers):
    assert not _trusts(_role(guardrails, name), token, **numbers)


RECYCLED = _token(
    sub="repo:owner@9/lake@8:environment:production", repository_id="8", repository_owner_id="9"
)


@pytest.mark.parametrize("token", [RECYCLED, _token(repository_id="8", repository_owner_id="9")])
def test_with_its_numbers_a_name_that_was_given_again_gets_no_role(guardrails, token):
    """The name alone would let whoever owns it now in; that is what the numbers are for."""
    assert not _trusts(_role(guardrails, "deploy"), token, **NUMBERS)
    assert _trusts(_role(guardrails, "deploy"), token)


def test_with_its_numbers_nothing_is_a_pattern(guardrails):
    for name in ("deploy", "plan"):
        (statement,) = _role(guardrails, name)["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert set(statement["Condition"]["Fn::If"][1]) == {"StringEquals"}


def test_a_run_that_may_plan_may_not_deploy(guardrails):
    for form in SUBJECTS:
        assert not _trusts(_role(guardrails, "deploy"), _token(form, MAIN))


def test_a_repository_is_a_whole_name(guardrails):
    (template,) = guardrails.stacks.values()
    pattern = re.compile(template["Parameters"]["GitHubRepository"]["AllowedPattern"])
    for name in ("owner/lake", "Owner-1/lake.py_2", ""):
        assert pattern.fullmatch(name)
    for name in (
        "owner",
        "owner/*",
        "*/lake",
        "owner/lake:*",
        "owner/lake/x",
        "-owner/lake",
        "owner/la ke",
        "o?/l",
    ):
        assert not pattern.fullmatch(name)
    for name in ("GitHubOwnerId", "GitHubRepositoryId"):
        number = re.compile(template["Parameters"][name]["AllowedPattern"])
        assert number.fullmatch("123456789")
        assert not number.fullmatch("12*")


def test_roles_for_github_exist_only_where_a_repository_is_named(guardrails):
    (template,) = guardrails.stacks.values()
    named = {"Fn::Not": [{"Fn::Equals": [{"Ref": "GitHubRepository"}, ""]}]}
    assert template["Conditions"]["FromGitHub"] == named
    for name in ("plan", "deploy"):
        assert _role(guardrails, name)["Condition"] == "FromGitHub"
    (provider,) = guardrails.resources("AWS::IAM::OIDCProvider").values()
    assert provider["Condition"] == "CreateGitHubProvider"
    assert provider["Properties"]["ClientIdList"] == ["sts.amazonaws.com"]


def test_there_are_no_users_and_no_access_keys(guardrails, aws):
    for templates in (aws, guardrails):
        assert not templates.resources("AWS::IAM::User")
        assert not templates.resources("AWS::IAM::AccessKey")


@pytest.mark.parametrize("name", ["plan", "deploy", "hard-stop", "analyst"])
@pytest.mark.parametrize(
    "action",
    [
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "iam:AttachRolePolicy",
        "iam:DeleteRole",
        "iam:PassRole",
    ],
)
def test_the_pipeline_cannot_change_the_guardrails(name, action):
    role = f"arn:aws:iam::{ACCOUNT}:role/petrostream-{name}-{REGION}"
    assert not _allows("deploy", action, role)
    assert not _allows("plan", action, role)


def test_the_pipeline_creates_no_users_keys_or_policies_and_no_budgets():
    actions = {action for statement in _statements("deploy") for action in statement["Action"]}
    assert not {a for a in actions if a.startswith(("budgets:", "ce:", "organizations:", "account:"))}
    iam = {action for action in actions if action.startswith("iam:")}
    assert iam == {
        "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:TagRole",
        "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:PassRole",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "services"),
    [("deploy", {"lambda", "firehose"}), ("deploy_jobs", {"lambda", "states", "scheduler"})],
)
def test_roles_are_handed_to_their_services_only(policy, services):
    (statement,) = (s for s in _statements(policy) if "iam:PassRole" in s["Action"])
    passed = statement["Condition"]["StringEquals"]["iam:PassedToService"]
    assert set(passed) == {f"{service}.amazonaws.com" for service in services}
    assert not any("*" in resource for resource in statement["Resource"])


def test_the_pipeline_may_make_every_role_of_the_lake(aws):
    roles = aws.resources("AWS::IAM::Role").values()
    assert roles
    for role in roles:
        prefix = role["Properties"]["RoleName"]["Fn::Join"][1][0]
        arn = f"arn:aws:iam::{ACCOUNT}:role/{prefix}{REGION}"
        for action in ("iam:CreateRole", "iam:PassRole"):
            assert any(_allows(policy, action, arn) for policy in ("deploy", "deploy_jobs")), prefix


def test_planning_reads_no_data_and_changes_nothing_but_the_lock():
    changing = re.compile(r":(Add|Attach|Create|Delete|Detach|Invoke|Put|Remove|Set|Start|Stop|Tag|Update)")
    (lock,) = (one for one in _statements("plan") if any(map(changing.search, one["Action"])))
    assert lock["Sid"] == "Lock"
    assert lock["Resource"]
    assert all(resource.endswith(".tflock") for resource in lock["Resource"])
    for zone in SETTINGS.lake.buckets:
        assert not _allows("plan", "s3:GetObject", _bucket(zone, "a"))


def test_the_roles_know_where_terraform_keeps_its_state():
    bucket = terraform_state.bucket_name(ACCOUNT, REGION)
    state = f"arn:aws:s3:::{bucket}/petrostream/terraform.tfstate"
    assert _allows("plan", "s3:GetObject", state)
    assert not _allows("plan", "s3:PutObject", state)
    assert _allows("deploy", "s3:PutObject", state)
    assert _allows("plan", "s3:PutObject", f"{state}.tflock")


def test_calls_that_have_no_resource_are_allowed_on_all_of_them():
    """By the service authorization reference, and for alarms by CloudWatch's own refusals."""
    assert _allows("plan", "cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*")
    for action in ("cloudwatch:ListDashboards", "kinesis:DescribeLimits", "sns:GetSubscriptionAttributes"):
        assert _allows("plan", action, "*"), action
    assert _allows("deploy", "sns:Unsubscribe", "*")


def test_a_consumer_can_be_deployed_looked_at_and_stopped():
    stream = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{SETTINGS.stream.name}"
    consumer = f"{stream}/consumer/{SETTINGS.scoring.function}:1764253980"
    for action in ("RegisterStreamConsumer", "DeregisterStreamConsumer"):
        for resource in (stream, consumer):
            assert _allows("deploy", f"kinesis:{action}", resource), action
            assert not _allows("plan", f"kinesis:{action}", resource), action
    assert _allows("plan", "kinesis:DescribeStreamConsumer", consumer)
    assert _allows("plan", "kinesis:ListStreamConsumers", stream)
    denied = [
        pattern
        for statement in _statements("hard_stop")
        if "kinesis:SubscribeToShard" in statement["Action"]
        for pattern in statement["Resource"]
    ]
    assert any(fnmatch.fnmatchcase(consumer, pattern) for pattern in denied)


def test_policies_fit_into_iam_in_the_longest_place():
    far = watch.AccountRegion(account=ACCOUNT, region="ap-southeast-2", partition="aws-us-gov")
    sizes = {n: len(json.dumps(watch.policy(n, SETTINGS, far), separators=(",", ":"))) for n in POLICIES}
    assert sizes["plan"] < MANAGED_LIMIT
    assert sizes["hard_stop"] < MANAGED_LIMIT
    assert sizes["plan_services"] < MANAGED_LIMIT
    assert sizes["deploy_services"] < MANAGED_LIMIT
    assert sizes["plan_spark"] < MANAGED_LIMIT
    assert sizes["deploy_spark"] < MANAGED_LIMIT
    assert sizes["deploy"] < INLINE_LIMIT
    assert sizes["analyst"] < INLINE_LIMIT


@pytest.mark.parametrize("name", POLICIES)
def test_every_action_is_named_and_every_statement_has_a_name(name):
    sids = [statement["Sid"] for statement in _statements(name)]
    assert len(set(sids)) == len(sids)
    for statement in _statements(name):
        for action in statement["Action"]:
            assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+", action), action


def test_reasons_are_given_for_the_statements_with_wildcards_and_for_no_others():
    assert list(wildcards())
    for name, reasons in REASONS.items():
        wild = {s["Sid"] for s in _statements(name) if any("*" in resource for resource in s["Resource"])}
        assert set(reasons) == wild


# --- the bill -------------------------------------------------------------------------------------------


def _budget(guardrails, name):
    for budget in guardrails.resources("AWS::Budgets::Budget").values():
        if budget["Properties"]["Budget"]["BudgetName"] == f"petrostream-{name}":
            return budget["Properties"]
    raise AssertionError(name)


def test_the_month_is_announced_at_each_share_of_its_limit(guardrails):
    monthly = _budget(guardrails, "monthly")
    assert monthly["Budget"]["BudgetLimit"] == {"Amount": MONTHLY_LIMIT, "Unit": "USD"}
    assert "CostFilters" not in monthly["Budget"]  # the whole account, whatever its tags
    alerts = monthly["NotificationsWithSubscribers"]
    found = [(row["Notification"]["Threshold"], row["Notification"]["ThresholdType"]) for row in alerts]
    assert found == [(10, "ABSOLUTE_VALUE"), *((share, "PERCENTAGE") for share in (50, 80, 100))]
    for alert in alerts:
        assert alert["Notification"]["NotificationType"] == "ACTUAL"
        assert alert["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": {"Ref": "AlertEmail"}}]


def test_the_hard_stop_reaches_scoring_raw_copy_and_queries(guardrails, aws):
    assert (
        _budget(guardrails, "hard-stop")["Budget"]["BudgetLimit"]["Amount"] == SETTINGS.budget.hard_stop_usd
    )
    (action,) = guardrails.resources("AWS::Budgets::BudgetsAction").values()
    action = action["Properties"]
    assert action["BudgetName"] == "petrostream-hard-stop"
    assert action["ActionThreshold"] == {"Type": "PERCENTAGE", "Value": 100}
    assert action["ApprovalModel"] == SETTINGS.budget.hard_stop_approval
    roles = json.dumps(action["Definition"]["IamActionDefinition"]["Roles"])
    existing = json.dumps([r["Properties"]["RoleName"] for r in aws.resources("AWS::IAM::Role").values()])
    for name in (SETTINGS.scoring.function, SETTINGS.raw_copy.function):
        assert f"{name}-" in roles
        assert f"{name}-" in existing
    assert "Analyst" in roles


def test_the_hard_stop_forbids_the_flow_and_deletes_nothing():
    for statement in _statements("hard_stop"):
        assert statement["Effect"] == "Deny"
    denied = {action for statement in _statements("hard_stop") for action in statement["Action"]}
    assert {
        "kinesis:GetRecords",
        "kinesis:PutRecord",
        "kinesis:PutRecords",
        "athena:StartQueryExecution",
    } <= denied


def test_the_executor_of_the_hard_stop_can_attach_that_one_policy_only(guardrails):
    role = _role(guardrails, "hard-stop")["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == {"iam:AttachRolePolicy", "iam:DetachRolePolicy"}
    (policy,) = (n for n in guardrails.resources("AWS::IAM::ManagedPolicy") if n.startswith("HardStop"))
    assert statement["Condition"] == {"ArnEquals": {"iam:PolicyARN": {"Ref": policy}}}
    assert "*" not in json.dumps(statement["Resource"])


def test_an_ordinary_month_fires_no_alert_but_the_first():
    """The limit follows the bill: an ordinary month stays below, one half as much again does not."""
    month = bill(Workload(), SETTINGS).total
    assert month * Fraction(7, 5) <= MONTHLY_LIMIT < month * Fraction(7, 5) + 1
    assert month < MONTHLY_LIMIT < month * Fraction(3, 2)
    assert SETTINGS.budget.first_alert_usd < month
    dearer = SETTINGS.model_copy(update={"stream": SETTINGS.stream.model_copy(update={"shards": 2})})
    assert monthly_limit(dearer) > MONTHLY_LIMIT


def test_a_limit_of_ones_own_stays_and_one_over_the_hard_stop_is_refused():
    own = SETTINGS.model_copy(
        update={"budget": SETTINGS.budget.model_copy(update={"monthly_limit_usd": 50.0})}
    )
    assert own.with_monthly_limit(35) is own
    with pytest.raises(SettingsError, match=r"must be over the computed monthly limit, 500"):
        SETTINGS.with_monthly_limit(500)


def test_anomalies_are_those_of_the_services(guardrails):
    (monitor,) = guardrails.resources("AWS::CE::AnomalyMonitor").values()
    # A monitor by tag can be made in a management account only.
    assert monitor["Properties"]["MonitorType"] == "DIMENSIONAL"
    assert monitor["Properties"]["MonitorDimension"] == "SERVICE"
    assert "MonitorSpecification" not in monitor["Properties"]
    (subscription,) = guardrails.resources("AWS::CE::AnomalySubscription").values()
    assert subscription["Properties"]["Subscribers"] == [{"Type": "EMAIL", "Address": {"Ref": "AlertEmail"}}]
    threshold = json.loads(subscription["Properties"]["ThresholdExpression"])["Dimensions"]
    assert threshold["Values"] == [f"{SETTINGS.budget.anomaly_usd:g}"]


def test_where_the_account_has_a_monitor_none_is_made(guardrails):
    """An account can have one by service; the second is refused."""
    (monitor,) = guardrails.resources("AWS::CE::AnomalyMonitor").items()
    (template,) = guardrails.stacks.values()
    assert monitor[1]["Condition"] == "CreateAnomalyMonitor"
    none = template["Parameters"]["AnomalyMonitorArn"]["Default"]
    asked = template["Conditions"]["CreateAnomalyMonitor"]
    assert asked == {"Fn::Equals": [{"Ref": "AnomalyMonitorArn"}, none]}
    (subscription,) = guardrails.resources("AWS::CE::AnomalySubscription").values()
    made, given = {"Fn::GetAtt": [monitor[0], "MonitorArn"]}, {"Ref": "AnomalyMonitorArn"}
    chosen = {"Fn::If": ["CreateAnomalyMonitor", made, given]}
    assert subscription["Properties"]["MonitorArnList"] == [chosen]


def test_anomalies_need_not_be_watched(synth):
    templates = synth("aws", lambda settings: settings["budget"].update(anomaly_usd=None))
    text = (templates.folder / "PetroStreamGuardrails.template.json").read_text()
    assert "AWS::CE::" not in text
    assert "AWS::Budgets::BudgetsAction" in text


def test_settings_of_the_guardrails_reach_the_template(synth):
    def change(settings):
        settings["budget"].update(
            monthly_limit_usd=40, alert_percent=[60, 90], hard_stop_approval="MANUAL", scope="project",
            hard_stop_roles=["field-gateway"],
        )  # fmt: skip
        settings["access"].update(branch="release", environment="lake")

    templates = synth("aws", change)
    template = json.loads((templates.folder / "PetroStreamGuardrails.template.json").read_text())
    text = json.dumps(template)
    budgets = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Budgets::Budget"]
    for budget in budgets:
        assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$petrostream"]}
    assert [a["Notification"]["Threshold"] for a in budgets[0]["NotificationsWithSubscribers"]] == [
        10,
        60,
        90,
    ]
    assert '"ApprovalModel": "MANUAL"' in text
    assert ":environment:lake" in text
    assert ":ref:refs/heads/release" in text
    assert text.count("field-gateway") == 2  # in the action, and in the rights of its executor


@pytest.mark.parametrize(
    ("section", "change", "expected"),
    [
        ("budget", {"monthly_limit_usd": 0}, "budget.monthly_limit_usd = 0"),
        ("budget", {"alert_percent": [80, 50]}, "alert_percent must rise"),
        ("budget", {"alert_percent": [120]}, "budget.alert_percent.0 = 120"),
        ("budget", {"monthly_limit_usd": 40, "hard_stop_usd": 9}, "hard_stop_usd must be over monthly_limit"),
        ("budget", {"alert_percent": [10, 20, 30, 40, 50]}, "at most 5 alerts"),
        ("budget", {"first_alert_usd": 0}, "budget.first_alert_usd = 0"),
        ("budget", {"hard_stop_roles": ["arn:aws:iam::1:role/x"]}, "budget.hard_stop_roles.0"),
        ("budget", {"scope": "tag"}, "budget.scope"),
        ("access", {"branch": "*"}, "access.branch"),
        ("access", {"environment": "production:*"}, "access.environment"),
        ("access", {"session_minutes": 30}, "access.session_minutes = 30"),
        ("ops", {"runbooks": "docs/run books"}, "ops.runbooks"),
        ("alarms", {"raw_late": {"threshold": 300, "period_seconds": 60, "periods": 1, "datapoints": 1}},
         "must be over 360: raw_copy.batching_window_seconds and firehose.raw.buffer_seconds"),
        ("alarms", {"raw_late": {"threshold": 900, "period_seconds": 90, "periods": 1, "datapoints": 1}},
         "alarms.raw_late.period_seconds = 90"),
        ("alarms", {"raw_late": {"threshold": 900, "period_seconds": 60, "periods": 1, "datapoints": 2}},
         "datapoints must not exceed periods"),
        ("alarms", {"raw_late": {"threshold": 900, "period_seconds": 3600, "periods": 25, "datapoints": 1}},
         "must not exceed a day"),
    ],
)  # fmt: skip
def test_guardrails_that_cannot_be_are_refused_by_name(tmp_path, section, change, expected):
    raw = SETTINGS.model_dump()
    raw[section] = {**raw[section], **change}
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    assert expected in str(refused.value)
