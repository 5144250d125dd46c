"""How the shipped weights are made: data drawn by code, training, export and evaluation; not in the wheel."""

import os

# As in `edge`: ONNX Runtime's wheels would report to their maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
