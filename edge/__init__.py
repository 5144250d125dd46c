"""The camera box: plates are read, matched in memory, and forgotten; only sealed hits leave it."""

import os

# ONNX Runtime's own wheels report to their maker, from 1.29 on also on Linux: a thread, a database in the
# home folder, and uploads. The library reads this once, when it is loaded: it must stand before that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
