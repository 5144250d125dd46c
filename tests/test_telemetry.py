"""ONNX Runtime's wheels report to their maker from 1.29 on; nothing of this package may let them."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_loading_the_runtime_through_the_edge_leaves_no_report(tmp_path: Path) -> None:
    """No file appears in the home folder and no thread is started when the edge loads the runtime (R3)."""
    code = "import os, edge.vision.onnx_runtime; print(len(os.listdir('/proc/self/task')))"
    known = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    said = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=ROOT,
        env={**known, "HOME": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    assert said.stdout.strip() == b"1"
    assert list(tmp_path.rglob("*")) == []


def test_the_switch_is_one_that_the_runtime_knows() -> None:
    """A runtime that can report knows the variable that we set (looked for in the library, not tried out)."""
    found = importlib.util.find_spec("onnxruntime")
    assert found is not None
    assert found.origin is not None
    libraries = (Path(found.origin).parent / "capi").glob("*.so*")
    contents = [path.read_bytes() for path in libraries]
    reporting = [content for content in contents if b"OneCollector" in content]
    assert all(b"ORT_DISABLE_TELEMETRY" in content for content in reporting)
    assert contents
