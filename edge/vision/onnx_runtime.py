"""How ONNX Runtime is started: one thread that does not spin, and no arena that keeps what it held."""

from collections.abc import Sequence
from typing import Any

import onnxruntime

from edge.errors import ModelError


def open_session(content: bytes, *, name: str, providers: Sequence[str], threads: int = 1) -> Any:  # noqa: ANN401
    """Return an ``onnxruntime.InferenceSession`` over a verified model's bytes.

    One thread without spinning is cooler and, where anything else runs, faster (docs/benchmarks.md). The
    memory arena and pattern are off: else the last pictures would stay in the runtime's pool (promise 4).

    Args:
        content: the model file's bytes, already verified.
        name: the model's name, for the error.
        providers: ONNX Runtime execution providers, in order of preference.
        threads: threads within one operator.

    Raises:
        ModelError: no such provider here, one that cannot be started, or not a model that the runtime can load.
    """
    missing = [provider for provider in providers if provider not in onnxruntime.get_available_providers()]
    if missing:
        here = ", ".join(onnxruntime.get_available_providers())
        raise ModelError(
            f"execution provider {missing[0]} is not in this build of ONNX Runtime",
            hint=f"Available here: {here}. Change `models.providers`, or install the matching build.",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, sess_options=options, providers=list(providers))
    except Exception as problem:  # noqa: BLE001 - the runtime raises its own C++ types, without a common base
        raise ModelError(f"model {name!r} cannot be loaded: {type(problem).__name__}") from None
    _demand(session.get_providers(), providers, name)
    return session


def _demand(got: Sequence[str], asked: Sequence[str], name: str) -> None:
    """Refuse a session that lost a provider that was asked for: the runtime goes on without one and says nothing.

    Raises:
        ModelError: an accelerator could not be used.
    """
    lost = [provider for provider in asked if provider not in got]
    if lost:
        raise ModelError(
            f"model {name!r}: {lost[0]} is asked for but could not be started; {', '.join(got)} would be used",
            hint="Install the libraries that it needs (docs/hardware.md), let the unit use the device, "
            "or take it out of `models.providers`.",
        )
