"""The notebook in the repository is a program without its output; the end-to-end tests run it."""

import json

from tests.support.paths import ROOT
from tests.support.secrets import ACCOUNT, SECRET

NOTEBOOK = ROOT / "examples" / "explore.ipynb"


def test_outputs_and_counts_are_cleared():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_it_names_no_secret_and_no_account():
    text = NOTEBOOK.read_text()
    assert SECRET.search(text) is None
    assert ACCOUNT.search(text) is None


def test_its_links_lead_somewhere():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    text = "".join(line for cell in cells if cell["cell_type"] == "markdown" for line in cell["source"])
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert len(links) >= 3
    assert [link for link in links if not (NOTEBOOK.parent / link).is_file()] == []
