import hashlib
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from edge.errors import Exit, ModelError
from edge.vision import models
from edge.vision.onnx_runtime import open_session

ROOT = Path(__file__).resolve().parents[1]


def spec(name: str, content: bytes) -> models.ModelSpec:
    """Return a manifest entry for a file with this content."""
    digest = hashlib.sha256(content).hexdigest()
    return models.ModelSpec("m", "detector", {name: digest}, licence="test", source="test")


def test_only_a_file_with_the_right_digest_is_loaded(tmp_path: Path) -> None:
    """One altered byte is refused, with what was expected and found."""
    (tmp_path / "m.onnx").write_bytes(b"network")
    assert models.load(spec("m.onnx", b"network"), [tmp_path]).contents == (b"network",)
    (tmp_path / "m.onnx").write_bytes(b"networl")
    with pytest.raises(ModelError, match="expected") as caught:
        models.load(spec("m.onnx", b"network"), [tmp_path])
    assert caught.value.exit_code == Exit.MODEL


def test_an_altered_file_is_not_passed_over_for_another_folder(tmp_path: Path) -> None:
    """The first folder that has the name decides: a shadowing file is refused, not skipped."""
    for folder, content in (("a", b"altered"), ("b", b"network")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="expected"):
        models.load(spec("m.onnx", b"network"), [tmp_path / "a", tmp_path / "b"])


def test_an_absent_model_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """The error lists the folders and how to get it."""
    with pytest.raises(ModelError, match=str(tmp_path)) as caught:
        models.load(spec("m.onnx", b""), [tmp_path])
    assert "fetch" in caught.value.hint


def test_folders_are_looked_in_in_the_documented_order(tmp_path: Path) -> None:
    """Configuration, environment, the hub's caches, the bundled weights."""
    found = models.folders(tmp_path, {"HITONLY_MODELS": "/models", "XDG_CACHE_HOME": "/cache"})
    assert found == [
        tmp_path,
        Path("/models"),
        Path("/cache/fast-plate-ocr"),
        Path("/cache/open-image-models"),
        models.BUNDLED,
    ]


def test_a_model_of_ones_own_needs_its_digest() -> None:
    """A name outside the manifest without a digest is refused; so is a reader for a detector."""
    with pytest.raises(ModelError, match="in the manifest") as caught:
        models.spec_for("mine.onnx", None, "detector")
    assert "sha256" in caught.value.hint
    assert models.spec_for("/x/mine.onnx", "0" * 64, "detector").files == {"mine.onnx": "0" * 64}
    with pytest.raises(ModelError, match="not a detector"):
        models.spec_for("cct-xs-v2-global", None, "detector")


def test_the_bundled_weights_are_the_manifests() -> None:
    """Every bundled model is there, verified, small, and has a model card; both together are under 6 MB."""
    bundled = [each for each in models.manifest().values() if each.source.startswith("bundled")]
    assert {each.kind for each in bundled} == {"detector", "reader", "region"}
    total = 0
    for each in bundled:
        total += sum(len(content) for content in models.load(each, [models.BUNDLED]).contents)
        assert (ROOT / "docs" / "models" / f"{each.name}.md").is_file()
    assert total < 6_300_000


def test_the_command_line_verifies_and_names_the_altered(tmp_path: Path) -> None:
    """`alpr-edge models verify` exits 5 for an altered file, 0 when all that is here is right."""
    command = [sys.executable, "-m", "edge.cli", "models", "verify", "--folder", str(tmp_path)]
    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert "hitonly-ocr: verified" in good.stdout
    (tmp_path / "hitonly-detector.onnx").write_bytes(b"altered")
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert bad.returncode == Exit.MODEL
    assert "expected" in bad.stdout


def test_an_accelerator_that_is_silently_left_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime goes on without a provider that does not start; the box refuses, and names both."""
    asked = ["CUDAExecutionProvider", "CPUExecutionProvider"]

    class FellBack:
        """What the runtime returns where the accelerator's libraries are not there."""

        def __init__(self, *_: object, **__: object) -> None:
            self.used = asked[1:]

        def get_providers(self) -> list[str]:
            """Return what is in use."""
            return self.used

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: asked)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FellBack)
    with pytest.raises(
        ModelError, match=r"CUDAExecutionProvider .* CPUExecutionProvider would be used"
    ) as caught:
        open_session(b"", name="m", providers=asked)
    assert caught.value.exit_code == Exit.MODEL
    assert open_session(b"", name="m", providers=asked[1:]).get_providers() == asked[1:]
