"""The scoring function's package as Lambda gets it, for arm64: imported, and one forest run, under emulation.

`python -m tools.arm64_runtime` fetches an aarch64 Python and QEMU; without them these tests are skipped.
"""

import json
import os
import subprocess
import zipfile

import numpy as np
import pytest

from petrostream.detection.forest import load_forest
from tests.support.scoring_world import published
from tests.support.wells import training
from toolchain.package import Target, build
from tools import arm64_runtime

pytestmark = pytest.mark.skipif(
    not (arm64_runtime.QEMU.exists() and arm64_runtime.PYTHON.exists()),
    reason="no aarch64 Python and emulator in build/arm64: python -m tools.arm64_runtime fetches them",
)
NO_SYS = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs none /sys && exec "$@"', "sh"]

PROBE = """
import json, os, platform, sys
import lambdas.scoring.handler
from petrostream.detection.forest import load_forest
import numpy as np
import onnxruntime
rows = np.load("rows.npy")
scores = load_forest(open("model.onnx", "rb").read()).score(rows)
print(json.dumps({
    "machine": platform.machine(), "python": sys.version_info[:2], "onnxruntime": onnxruntime.__version__,
    "files": [lambdas.scoring.handler.__file__, onnxruntime.__file__], "sys": os.path.exists("/sys/devices"),
    "scores": scores.tolist(),
}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(build(Target.aws)["scoring"].path) as archive:
        archive.extractall(folder)
    return folder


def emulated(package, folder, wrapper=()):
    """What the probe prints in the emulated function, which sees only the package and its own system."""
    command = [
        *wrapper,
        str(arm64_runtime.QEMU),
        *("-L", str(arm64_runtime.SYSTEM), "-E", f"PYTHONPATH={package}"),
        *(str(arm64_runtime.PYTHON), "-P", "-S", "-c", PROBE),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1]), result.stderr


@pytest.fixture
def forest(tmp_path):
    onnx = published()["models/v1/model.onnx"]
    rows = np.concatenate([training()[1][:40], 3 * training()[1][:40]])
    (tmp_path / "model.onnx").write_bytes(onnx)
    np.save(tmp_path / "rows.npy", rows)
    return load_forest(onnx).score(rows)


def test_the_package_is_imported_and_scores_as_here(package, forest, tmp_path):
    found, _ = emulated(package, tmp_path)
    assert (found["machine"], found["python"]) == ("aarch64", [3, 13])
    assert all(file.startswith(str(package)) for file in found["files"])
    np.testing.assert_allclose(found["scores"], forest, rtol=0, atol=1e-6)
    assert np.ptp(found["scores"]) > 0.05


@pytest.mark.skipif(
    subprocess.run([*NO_SYS, "true"], capture_output=True, check=False).returncode != 0,
    reason="this machine lets nobody hide /sys in a namespace",
)
def test_it_scores_where_sys_is_hidden(package, forest, tmp_path):
    # ONNX Runtime reads the processors from /sys; releases have ended the process where it is not there.
    found, said = emulated(package, tmp_path, NO_SYS)
    assert not found["sys"]
    assert "cpuinfo_initialize failed" in said
    np.testing.assert_allclose(found["scores"], forest, rtol=0, atol=1e-6)
