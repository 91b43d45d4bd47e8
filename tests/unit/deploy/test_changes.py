"""What a plan says: from CloudFormation templates and from Terraform, in one list with one digest."""

from deploy.changes import Change, Plan, between_templates, in_words, of_terraform


def template(**resources):
    return {
        "Resources": {name: {"Type": kind, "Properties": props} for name, (kind, props) in resources.items()}
    }


def test_templates_differ_by_what_is_new_gone_or_other():
    old = template(Kept=("T", {}), Changed=("T", {"a": 1}), Gone=("T", {}), Turned=("T", {}))
    new = template(Kept=("T", {}), Changed=("T", {"a": 2}), New=("T", {}), Turned=("U", {}))
    assert list(between_templates("S", new, old)) == [
        Change("S", "T", "Changed", "update"),
        Change("S", "T", "Gone", "delete"),
        Change("S", "T", "New", "create"),
        Change("S", "U", "Turned", "replace"),
    ]


def test_everything_of_a_new_stack_is_created():
    assert [change.action for change in between_templates("S", template(A=("T", {}), B=("T", {})), None)] == [
        "create",
        "create",
    ]


def test_notes_for_tools_are_no_change():
    old, new = template(A=("T", {})), template(A=("T", {}))
    new["Resources"]["A"]["Metadata"] = {"aws:cdk:path": "elsewhere"}
    assert not list(between_templates("S", new, old))


def test_terraform_plans_are_read_without_data_and_no_ops():
    def row(actions, mode="managed", **more):
        return {"address": "m.t.n", "type": "t", "mode": mode, "change": {"actions": actions}} | more

    rows = [
        row(["create"], module_address="module.lake[0].module.role"),
        row(["delete", "create"]),
        row(["create", "delete"]),
        row(["update"]),
        row(["delete"]),
        row(["no-op"]),
        row(["read"], mode="data"),
    ]
    found = list(of_terraform({"resource_changes": rows}))
    assert [change.action for change in found] == ["create", "replace", "replace", "update", "delete"]
    assert [change.part for change in found] == ["lake", *["root"] * 4]


def plan(*actions, code="1"):
    changes = tuple(Change("S", "T", f"n{n}", action) for n, action in enumerate(actions))
    return Plan(changes, {"scoring": code})


def test_the_digest_distinguishes_plans_by_action_and_by_code():
    assert plan("create").digest == plan("create").digest
    assert len({plan().digest, plan("create").digest, plan("delete").digest, plan(code="2").digest}) == 4


def test_a_plan_in_words_and_what_it_loses():
    mixed = plan("create", "create", "delete", "replace")
    assert in_words(mixed) == "2 to create, 1 to replace, 1 to delete"
    assert in_words(plan()) == "nothing to change"
    assert [change.action for change in mixed.losses()] == ["delete", "replace"]
