"""The names of torch modules: timm, Cadene, mmpretrain, moskomule."""

from collections.abc import Iterator
from dataclasses import dataclass

from keras_senet.models.spec import NetworkSpec, ResidualSpec
from keras_senet.weights.layouts import CONVOLUTION, DENSE, MATRIX, VECTOR, Layout
from keras_senet.weights.parts import Part, parts
from keras_senet.weights.rule import Rule

NORMALIZATION = (
    ("gamma", "weight"),
    ("beta", "bias"),
    ("moving_mean", "running_mean"),
    ("moving_variance", "running_var"),
)


@dataclass(frozen=True, kw_only=True)
class TorchNames:
    """What differs between the publishers.

    Attributes:
        stem: Convolution and normalization of a stem of one convolution.
        deep_stem: Those of a stem of three, one after the other, if they have it.
        squeeze_excite: The two matrices.
        classifier: The last layer.
        backbone: What precedes all names but those of the classifier.
        use_bias: Whether their SE has biases, if the spec has any.
    """

    stem: tuple[str, ...] = ("conv1", "bn1")
    deep_stem: tuple[str, ...] = ()
    squeeze_excite: tuple[str, str]
    classifier: str
    backbone: str = ""
    use_bias: bool = True

    def rules(self, spec: NetworkSpec, include_top: bool = True) -> Iterator[Rule]:
        """The rules of a residual network.

        Args:
            spec: What the network looks like.
            include_top: Whether it has its classifier.

        Yields:
            A rule for each tensor; nothing for networks that they do not name.
        """
        if not isinstance(spec, ResidualSpec) or spec.unit != "residual":
            return
        stem = self.stem if len(spec.stem) == 1 else self.deep_stem
        if len(stem) != 2 * len(spec.stem):
            return
        biased = spec.se.use_bias and self.use_bias
        for number, part in enumerate(parts(spec, include_top)):
            yield from self._tensors(part, self._name(part, number, spec), biased)

    def _name(self, part: Part, number: int, spec: ResidualSpec) -> str:
        if part.kind == "classifier":
            return self.classifier
        if part.stage == 1:
            stem = self.stem if len(spec.stem) == 1 else self.deep_stem
            return f"{self.backbone}{stem[number]}"
        # The pool of a pooled shortcut is the first of its sequence.
        first = int(spec.pooled_shortcut)
        shortcut = {
            "proj_conv": f"downsample.{first}",
            "proj_bn": f"downsample.{first + 1}",
        }
        name = shortcut.get(part.name, part.name)
        return f"{self.backbone}layer{part.stage - 1}.{part.block - 1}.{name}"

    def _tensors(self, part: Part, source: str, biased: bool) -> Iterator[Rule]:
        def rule(weight: str, name: str, layout: Layout) -> Rule:
            return Rule(f"{part.layer}/{weight}", (name,), layout)

        if part.kind == "normalization":
            for weight, name in NORMALIZATION:
                yield rule(weight, f"{source}.{name}", VECTOR)
        elif part.kind == "convolution":
            yield rule("kernel", f"{source}.weight", CONVOLUTION)
        elif part.kind == "classifier":
            yield rule("kernel", f"{source}.weight", DENSE)
            yield rule("bias", f"{source}.bias", VECTOR)
        else:
            block = source.removesuffix("se")
            for weight, name in zip(
                ("reduce", "expand"), self.squeeze_excite, strict=True
            ):
                yield rule(f"{weight}_kernel", f"{block}{name}.weight", MATRIX)
                if biased:
                    yield rule(f"{weight}_bias", f"{block}{name}.bias", VECTOR)


TIMM = TorchNames(
    deep_stem=("conv1.0", "conv1.1", "conv1.3", "conv1.4", "conv1.6", "bn1"),
    squeeze_excite=("se.fc1", "se.fc2"),
    classifier="fc",
)
CADENE = TorchNames(
    stem=("layer0.conv1", "layer0.bn1"),
    deep_stem=tuple(f"layer0.{kind}{n}" for n in (1, 2, 3) for kind in ("conv", "bn")),
    squeeze_excite=("se_module.fc1", "se_module.fc2"),
    classifier="last_linear",
)
MMPRETRAIN = TorchNames(
    squeeze_excite=("se_layer.conv1.conv", "se_layer.conv2.conv"),
    classifier="head.fc",
    backbone="backbone.",
)
MOSKOMULE = TorchNames(
    squeeze_excite=("se.fc.0", "se.fc.2"), classifier="fc", use_bias=False
)
