"""Runs of .onnx files in ONNX Runtime."""

from collections import Counter


def session(path):
    """The file in ONNX Runtime, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    content = path if isinstance(path, bytes) else str(path)
    return onnxruntime.InferenceSession(content, options, providers=providers)


def answers(path, images):
    """What the file says to a batch of images."""
    (answer,) = session(path).run(None, {"images": images})
    return answer


def operations(path):
    """How often each operation occurs."""
    import onnx

    graph = onnx.load(str(path)).graph
    return dict(Counter(node.op_type for node in graph.node))
