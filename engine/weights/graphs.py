"""ONNX graphs: sizes of their inputs and outputs, and sessions that run them."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

MINILM_SIZE = 384
SEGMENTATION_SAMPLES = 160_000  # 10 s at 16 kHz, which segmentation-3.0 was trained on


def open_session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Return the model at ``path`` ready to run; each run uses ``threads`` threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the cores from recognition.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena keeps the memory of the longest input for good: 75 MiB after one long clause, and
    # the same processor time.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
