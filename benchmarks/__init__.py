"""Evidence for every claim: one command, one report. Not part of the wheel."""

import edge as _edge  # noqa: F401 - before anything loads ONNX Runtime: it switches its telemetry off
