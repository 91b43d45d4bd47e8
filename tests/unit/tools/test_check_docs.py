"""The docs lead somewhere: links, anchors, paths and commands are held to what the repository holds."""

import json
import re

import pytest

from tests.support.paths import ROOT
from toolchain.errors import ToolError
from tools import check_docs
from tools.check_docs import Repository, anchors, check

FILES = {
    "Makefile": "demo: setup\n\trun\nsetup:\n\trun\n",
    "docs/guide.md": "# A guide\n\n## What differs, and why\n",
    "petrostream/__init__.py": "",
    "petrostream/risk/__init__.py": "",
    "petrostream/risk/rules.py": "from os import path\nRULES = ()\nA, B = 1, 2\n\ndef points():\n    pass\n",
    "petrostream/schema/sensors.json": "{}",
}


def problems(tmp_path, text, page="docs/page.md"):
    """Messages about a page among `FILES`."""
    files = FILES | {page: text}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = check(Repository(tmp_path, frozenset(files)))
    assert {finding.file for finding in found} <= {page}
    return [finding.message for finding in found]


def test_the_docs_lead_somewhere():
    try:
        repository = Repository.of_git()
    except ToolError as error:
        pytest.skip(str(error))
    found = check(repository)
    assert not found, "\n".join(map(str, found))


def test_the_exceptions_are_still_needed():
    text = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    for name in check_docs.ELSEWHERE:
        assert f"`{name}`" in text
        assert not (ROOT / name).is_file() or name.endswith("backend.hcl")


@pytest.mark.parametrize(
    "text",
    [
        "[there](guide.md)",
        "[there](guide.md#what-differs-and-why)",
        "[here](#a-heading)\n\n# A heading",
        "[a folder](../petrostream/risk/)",
        "[`code` as text](../petrostream/risk/rules.py)",
        '[titled](guide.md "a guide") and [web](https://example.com/x.md)',
        "[by name]\n\n[by name]: guide.md",
        "`petrostream/risk/rules.py`, `petrostream/schema/*.json`, `petrostream/schema/`",
        "`models/current.json` is a key, `tests/<room>/` a pattern, `s3://petrostream/gone.py` an address",
        "`a/b` and `petrostream/risk` and `1/2`",
        "`petrostream.risk.rules`, `petrostream.risk.rules.RULES`, `petrostream.risk.rules.points`",
        "`petrostream.risk.rules.path`, `petrostream.risk.rules.B`",
        "`make demo DATA=dir`",
        "```sh\nPETROSTREAM_PORT=1 make demo   # make it run\npython -m petrostream.risk.rules --x\n```",
        "```md\n[an example](nowhere.md)\n```",
        "`[code](nowhere.md)`",
    ],
)
def test_what_exists_is_accepted(tmp_path, text):
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[gone](gone.md)", "the link gone.md leads nowhere: there is no docs/gone.md"),
        ("![picture](../gone.svg)", "the link ../gone.svg leads nowhere: there is no gone.svg"),
        ("[up](../../outside.md)", "the link ../../outside.md leads nowhere: there is no ../outside.md"),
        ("[case](Guide.md)", "the link Guide.md leads nowhere: there is no docs/Guide.md"),
        ("[a](guide.md#gone)", "the link guide.md#gone leads nowhere: docs/guide.md has no heading #gone"),
        ("[a](#gone)", "the link #gone leads nowhere: docs/page.md has no heading #gone"),
        ("[by name]\n\n[by name]: gone.md", "the link gone.md leads nowhere: there is no docs/gone.md"),
        ("`petrostream/rules.py`", "petrostream/rules.py does not exist"),
        ("`petrostream/risk/*.sql`", "petrostream/risk/*.sql does not exist"),
        ("`petrostream/rooms`", "petrostream/rooms does not exist"),
        ("`cp petrostream/gone.json there`", "petrostream/gone.json does not exist"),
        ("```sh\npython petrostream/gone.py\n```", "petrostream/gone.py does not exist"),
        ("`petrostream.rules`", "petrostream.rules does not exist: petrostream/__init__.py defines no rules"),
        (
            "`petrostream.risk.rules.GONE`",
            "petrostream.risk.rules.GONE does not exist: petrostream/risk/rules.py defines no GONE",
        ),
        ("`make gone`", "the Makefile has no target gone"),
        ("```sh\nmake demo && make gone\n```", "the Makefile has no target gone"),
        ("```sh\n.venv/bin/python -m petrostream.gone up\n```", "there is no module petrostream.gone"),
    ],
)
def test_what_does_not_exist_is_named(tmp_path, text, message):
    assert problems(tmp_path, text) == [message]


def test_a_finding_says_where(tmp_path):
    (tmp_path / "a.md").write_text("one\n\n```sh\ntwo\n```\n[x](gone.md)\n", encoding="utf-8")
    (finding,) = check(Repository(tmp_path, frozenset({"a.md"})))
    assert str(finding).startswith("a.md:6: the link gone.md")


def test_anchors_are_those_of_github():
    page = (
        "# `code` & *stars*: a [link](x.md)\n## Twice\n## Twice\n## With-hyphen_and 1.5 %\n"
        '```\n# no heading\n```\n<a id="by-hand"></a>\n'
    )
    assert anchors(page) == {
        "code--stars-a-link",
        "twice",
        "twice-1",
        "with-hyphen_and-15-",
        "by-hand",
    }


def test_the_exit_code_says_whether_something_was_found(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.md").write_text("[x](gone.md)\n", encoding="utf-8")
    for files, code in ((frozenset({"a.md"}), 1), (frozenset(), 0)):
        monkeypatch.setattr(Repository, "of_git", lambda files=files: Repository(tmp_path, files))
        assert check_docs.main() == code
    streams = capsys.readouterr()
    assert "a.md:1: the link gone.md" in streams.err
    assert "leads somewhere" in streams.out


def test_outside_of_a_clone_the_check_says_what_it_needs(tmp_path):
    with pytest.raises(ToolError, match="run it in a clone"):
        Repository.of_git(tmp_path)


def test_the_page_of_settings_names_every_one():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    settings = json.loads((ROOT / "infra" / "settings.json").read_text(encoding="utf-8"))
    assert {name for name in _keys(settings) if f"`{name}`" not in page} == set()


def _keys(settings):
    """Names of sections and settings; tags and alarms name their own rows."""
    for name, value in settings.items():
        yield name
        if isinstance(value, dict) and name != "tags" and "scoring_silent" not in value:
            yield from _keys(value)


def test_the_page_of_settings_names_no_environment_variable_that_nothing_reads():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("toolchain", "local", "deploy", "tests/support")
        for path in (ROOT / folder).rglob("*.py")
    )
    named = set(re.findall(r"`((?:PETROSTREAM|E2E)_[A-Z0-9_]+)`", page))
    assert named
    assert {name for name in named if f'"{name}"' not in code} == set()
    assert set(re.findall(r'"((?:PETROSTREAM|E2E)_[A-Z0-9_]+)"', code)) - named == set()
