"""What Microsoft's own reader of TMDL makes of a model, run by `make powerbi-check` in its own environment.

The reader is `TmdlSerializer` of Microsoft.AnalysisServices.Tabular, Microsoft's library for semantic models.
It needs .NET, so this is a check of its own beside the grammar of the tests. `dataAccessOptions` is left out:
the reader needs a Windows assembly for it.
"""

import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_LIBRARIES = ("Core", "Tabular.Json", "", "Tabular")
_LEFT_OUT = re.compile(r"^\tdataAccessOptions\n(?:\t\t.*\n)+", re.M)


def _folder(package: str) -> Path:
    """Where an installed package lies.

    Raises:
        SystemExit: it is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: run make powerbi-check")
    return Path(spec.origin).parent


def _serializer() -> Any:  # noqa: ANN401  (a type of .NET)
    """Microsoft's reader, in a .NET runtime within this process."""
    runtime, libraries = _folder("dotnetcore2") / "bin", _folder("pbi_cli") / "dlls"
    os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
    configuration = Path(tempfile.mkdtemp()) / "runtime.json"
    framework = {"name": "Microsoft.NETCore.App", "version": "3.1.0"}
    configuration.write_text(json.dumps({"runtimeOptions": {"framework": framework}}), encoding="utf-8")
    load = importlib.import_module("pythonnet").load
    load("coreclr", runtime_config=str(configuration), dotnet_root=str(runtime))
    clr = importlib.import_module("clr")
    for name in _LIBRARIES:
        file = ".".join(part for part in ("Microsoft.AnalysisServices", name, "dll") if part)
        clr.AddReference(str(libraries / file))
    return importlib.import_module("Microsoft.AnalysisServices.Tabular").TmdlSerializer


def read(definition: Path) -> dict[str, Any]:
    """The model in a folder `definition`, as Microsoft's library has it.

    What the library refuses is an exception of .NET, with the library's own text.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "definition"
        shutil.copytree(definition, copy)
        model = copy / "model.tmdl"
        model.write_text(_LEFT_OUT.sub("", model.read_text(encoding="utf-8")), encoding="utf-8")
        found = _serializer().DeserializeDatabaseFromFolder(str(copy)).Model
    return {
        "tables": {
            table.Name: {
                "columns": {
                    column.Name: str(column.DataType) for column in table.Columns if _is_data(column)
                },
                "measures": {measure.Name: measure.Expression for measure in table.Measures},
                "sources": [partition.Source.Expression for partition in table.Partitions],
                "refreshed": None if table.RefreshPolicy is None else table.RefreshPolicy.SourceExpression,
            }
            for table in found.Tables
        },
        "relationships": [
            [one.FromTable.Name, one.FromColumn.Name, one.ToTable.Name, one.ToColumn.Name]
            for one in found.Relationships
        ],
        "parameters": [expression.Name for expression in found.Expressions],
    }


def _is_data(column: Any) -> bool:  # noqa: ANN401  (a type of .NET)
    return str(column.Type) != "RowNumber"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read(Path(sys.argv[1]))) + "\n")
