"""The names of the authors' Caffe networks."""

from collections.abc import Iterator

from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.models.table import Branches, Conv, Excite, TableSpec
from keras_senet.weights.layouts import (
    CAFFE_CLASS_BIAS,
    CAFFE_CLASSES,
    CAFFE_FIRST,
    CAFFE_STATISTIC,
    CAFFE_VECTOR,
    CONVOLUTION,
    MATRIX,
    Layout,
)
from keras_senet.weights.parts import Part, parts
from keras_senet.weights.rule import Rule

STEM = ("conv1/7x7_s2",)
DEEP_STEM = ("conv1_1/3x3_s2", "conv1_2/3x3", "conv1_3/3x3")
BLOCK = {
    "conv1": "1x1_reduce",
    "conv2": "3x3",
    "conv3": "1x1_increase",
    # So named where it is 3x3, too.
    "proj_conv": "1x1_proj",
}

# SE-BN-Inception: the modules in their order, and the chains of a module. The two
# reductions have only those in the middle.
MODULES = ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
CHAINS = (
    ("1x1",),
    ("3x3_reduce", "3x3"),
    ("double3x3_reduce", "double3x3a", "double3x3b"),
    ("pool_proj",),
)
INCEPTION_STEM = {
    "stem_conv": "conv1/7x7_s2",
    "stage2_block1_conv1": "conv2/3x3_reduce",
    "stage2_block1_conv2": "conv2/3x3",
}


def caffe_rules(spec: NetworkSpec, include_top: bool = True) -> Iterator[Rule]:
    """The rules of the authors' networks.

    Args:
        spec: What the network looks like.
        include_top: Whether it has its classifier.

    Yields:
        A rule for each tensor; nothing for networks that the authors do not name.
    """
    if isinstance(spec, ResidualSpec):
        if spec.unit == "residual" and spec.block == "bottleneck":
            yield from _residual(spec)
        else:
            return
    elif isinstance(spec, TableSpec) and _is_bn_inception(spec):
        yield from _inception(spec)
    else:
        return
    if include_top:
        yield Rule("predictions/kernel", ("classifier.0",), CAFFE_CLASSES)
        yield Rule("predictions/bias", ("classifier.1",), CAFFE_CLASS_BIAS)


def _residual(spec: ResidualSpec) -> Iterator[Rule]:
    stem = iter(STEM if len(spec.stem) == 1 else DEEP_STEM)
    first = True
    for part in parts(spec, include_top=False):
        if part.kind == "squeeze_excite":
            name = f"conv{part.stage}_{part.block}"
            yield from _squeeze_excite(part.layer, name, spec.se.use_bias)
        elif part.kind == "convolution":
            source = next(stem) if part.stage == 1 else _block(part)
            yield from _convolution(part.layer, source, first)
            first = False


def _block(part: Part) -> str:
    return f"conv{part.stage}_{part.block}_{BLOCK[part.name]}"


def _is_bn_inception(spec: TableSpec) -> bool:
    modules = [block for stage, blocks in spec.table if stage > 2 for block in blocks]
    chains = [x for block in modules for x in block if isinstance(x, Branches)]
    return len(modules) == len(chains) == len(MODULES) and not spec.head


def _inception(spec: TableSpec) -> Iterator[Rule]:
    for layer, source in INCEPTION_STEM.items():
        yield from _convolution(layer, source, first=layer == "stem_conv")
    modules = iter(MODULES)
    excited = spec.se.stages or spec.stages
    for stage, blocks in spec.table:
        for number, steps in enumerate(blocks, start=1):
            for step in steps:
                prefix = f"stage{stage}_block{number}_"
                if isinstance(step, Branches):
                    module = f"inception_{next(modules)}"
                    yield from _module(step, prefix, module)
                elif isinstance(step, Excite) and (
                    spec.se.reduction is not None and stage in excited
                ):
                    yield from _squeeze_excite(f"{prefix}se", module, spec.se.use_bias)


def _module(branches: Branches, prefix: str, module: str) -> Iterator[Rule]:
    named = CHAINS if len(branches.chains) == len(CHAINS) else CHAINS[1:3]
    for number, (chain, names) in enumerate(
        # A reduction's last chain is a pool alone.
        zip(branches.chains, named, strict=False),
        start=1,
    ):
        count = sum(isinstance(step, Conv) for step in chain)
        for index, name in enumerate(names, start=1):
            digit = str(index) if count > 1 else ""
            layer = f"{prefix}branch{number}_conv{digit}"
            yield from _convolution(layer, f"{module}/{name}", first=False)


def _convolution(layer: str, source: str, first: bool) -> Iterator[Rule]:
    """A convolution, its normalization, and the separate layer that scales it."""

    def rule(weight: str, layout: Layout, *blobs: str) -> Rule:
        return Rule(f"{normalization}/{weight}", blobs, layout)

    head, _, tail = layer.rpartition("conv")
    normalization = f"{head}bn{tail}"
    yield Rule(
        f"{layer}/kernel", (f"{source}.0",), CAFFE_FIRST if first else CONVOLUTION
    )
    yield rule("gamma", CAFFE_VECTOR, f"{source}/bn/scale.0")
    yield rule("beta", CAFFE_VECTOR, f"{source}/bn/scale.1")
    factor = f"{source}/bn.2"
    yield rule("moving_mean", CAFFE_STATISTIC, f"{source}/bn.0", factor)
    yield rule("moving_variance", CAFFE_STATISTIC, f"{source}/bn.1", factor)


def _squeeze_excite(layer: str, source: str, biased: bool) -> Iterator[Rule]:
    for weight, name in (("reduce", "down"), ("expand", "up")):
        blob = f"{source}_1x1_{name}"
        yield Rule(f"{layer}/{weight}_kernel", (f"{blob}.0",), MATRIX)
        if biased:
            yield Rule(f"{layer}/{weight}_bias", (f"{blob}.1",), CAFFE_VECTOR)
