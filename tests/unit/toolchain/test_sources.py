"""The files that something is made from: all of them, and their digest follows each."""

import pytest

from toolchain import sources


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("infra/cdk/node_modules/aws-cdk/package.json", "infra/cdk/app.py", "infra/settings.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "app.toml").touch()
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    return tmp_path


def test_files_are_listed_in_order_and_what_npm_installs_is_not_entered(project, monkeypatch):
    """A folder that npm is filling changes while it is read."""
    entered = []

    def walk(top):
        for row in os_walk(top):
            entered.append(row[0])
            yield row

    os_walk = sources.os.walk
    monkeypatch.setattr(sources.os, "walk", walk)
    found = [
        str(path.relative_to(project)) for path in sources.files(("infra", "app.toml"), {"node_modules"})
    ]
    assert found == ["infra/cdk/app.py", "infra/settings.json", "app.toml"]
    assert [path for path in entered if "node_modules" in str(path)] == []


def test_the_digest_follows_names_and_contents(project):
    def digest():
        return sources.digest(("infra", "app.toml"), {"node_modules"})

    seen = {digest()}
    (project / "infra" / "cdk" / "node_modules" / "more.js").touch()
    assert digest() in seen
    (project / "app.toml").write_text("x")
    seen.add(digest())
    (project / "infra" / "settings.json").rename(project / "infra" / "settings2.json")
    seen.add(digest())
    assert len(seen) == 3
