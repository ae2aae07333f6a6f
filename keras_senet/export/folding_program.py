"""A model written out as one flat list of steps, which can be taken away."""

from dataclasses import dataclass
from typing import Any

import keras

from keras_senet.export.folding_affine import Affine
from keras_senet.models.graph import Graph, is_functional, shell, tensors


@dataclass(eq=False)
class Step:
    """One call of what a model consists of.

    Attributes:
        work: The layer or operation, or what has taken its place.
        arguments: What it is called with: a tuple and a dictionary.
        outputs: The tensors it makes.
    """

    work: Any
    arguments: tuple[tuple, dict[str, Any]]
    outputs: tuple

    @property
    def is_plain(self) -> bool:
        """Whether it takes one tensor and nothing else that matters."""
        args, kwargs = self.arguments
        given = [*keras.tree.flatten(args), *keras.tree.flatten(kwargs)]
        set_values = [x for x in given if x is not None and x is not False]
        return len(set_values) == 1 and isinstance(set_values[0], keras.KerasTensor)


class Program:
    """The steps of a model and of all models in it, in the order of the computation.

    Tensors stand for the places where steps meet. Layers are those of the model: the
    program changes none.

    Args:
        model: A functional or sequential model.

    Attributes:
        inputs: The tensors of the model's inputs.
        steps: The steps, by their `id`.
    """

    def __init__(self, model: keras.Model) -> None:
        self.steps: dict[int, Step] = {}
        # With the old tensor, since another one may get the `id` of one that is gone.
        self._replaced: dict[int, tuple[Any, Any]] = {}
        self.inputs, outputs = self._record(model)
        self._outputs = outputs
        self._makers = {id(x): step for step in self for x in step.outputs}
        self._users: dict[int, list[Step | None]] = {}
        for step in self:
            for tensor in self.taken(step):
                self._users.setdefault(id(tensor), []).append(step)
        for tensor in self.outputs:
            self._users.setdefault(id(tensor), []).append(None)

    def __iter__(self) -> Any:
        # A list, since steps may be taken away meanwhile.
        return iter(list(self.steps.values()))

    @property
    def outputs(self) -> tuple:
        """The tensors of the model's outputs, in order."""
        return tuple(map(self.current, self._outputs))

    def current(self, tensor: Any) -> Any:
        """The tensor that stands in the place of another one by now."""
        while id(tensor) in self._replaced:
            tensor = self._replaced[id(tensor)][1]
        return tensor

    def taken(self, step: Step) -> tuple:
        """The tensors that a step takes."""
        return tuple(map(self.current, tensors(step.arguments)))

    def maker(self, tensor: Any) -> Step | None:
        """The step that makes a tensor; `None` for an input of the model."""
        return self._makers.get(id(tensor))

    def users(self, tensor: Any) -> list[Step | None]:
        """The steps that take a tensor; `None` for an output of the model."""
        return self._users.get(id(tensor), [])

    def drop(self, step: Step) -> None:
        """Takes away a step, of one tensor to one: what came in goes on."""
        (source,), (made,) = self.taken(step), step.outputs
        self._users[id(source)].remove(step)
        self._users[id(source)] += self._users.pop(id(made), [])
        self._replaced[id(made)] = (made, source)
        del self.steps[id(step)]

    def split(self, step: Step, first: Any, second: Any) -> None:
        """Replaces a step by two of which the second one takes what the first makes."""
        between = keras.KerasTensor(step.outputs[0].shape, step.outputs[0].dtype)
        last = Step(second, ((between,), {}), step.outputs)
        self._makers.update({id(between): step, id(step.outputs[0]): last})
        self._users[id(between)] = [last]
        step.work, step.outputs = first, (between,)
        steps = list(self)
        steps.insert(steps.index(step) + 1, last)
        self.steps = {id(each): each for each in steps}

    def _record(self, model: keras.Model, given: tuple = ()) -> tuple[list, tuple]:
        graph = Graph(model)
        inputs: list[Any] = []
        for call in graph.calls:
            arguments = _in_inference(call.arguments)
            if call.operation is None:
                if given:
                    self._enter(call.outputs[0], given[len(inputs)])
                inputs += call.outputs
            elif _can_be_opened(call.operation, arguments):
                _, made = self._record(call.operation, call.inputs)
                for old, new in zip(call.outputs, made, strict=True):
                    self._replaced[id(old)] = (old, new)
            else:
                step = Step(call.operation, arguments, call.outputs)
                self.steps[id(step)] = step
        return inputs, graph.outputs

    def _enter(self, entry: Any, given: Any) -> None:
        """Lets the input of an inner model be what that model is called with."""
        if is_float(entry) == is_float(given):
            self._replaced[id(entry)] = (entry, given)
            return
        cast = Step(Affine.identity("cast"), ((given,), {}), (entry,))
        self.steps[id(cast)] = cast


def _in_inference(arguments: tuple[tuple, dict[str, Any]]) -> tuple[tuple, dict]:
    """Arguments as Keras has them in inference, whatever the layer was called with."""
    args, kwargs = arguments
    return args, {**kwargs, "training": False} if "training" in kwargs else kwargs


def _can_be_opened(operation: Any, arguments: tuple[tuple, dict[str, Any]]) -> bool:
    """Whether something is a model which does nothing to what it is called with."""
    args, kwargs = arguments
    plain = all(value is None or value is False for value in keras.tree.flatten(kwargs))
    if not is_functional(operation) or not plain or len(args) != 1:
        return False
    # Keras reshapes inputs, orders and looks them up by name, where they differ.
    inner = shell(operation).input
    wanted, given = tensors(inner), tensors(args)
    if len(wanted) != len(given):
        return False
    alike = len(wanted) == 1 or _structure(args[0]) == _structure(inner)
    return alike and all(
        len(entry.shape) == len(tensor.shape)
        and (entry.dtype == tensor.dtype or is_float(entry))
        for entry, tensor in zip(wanted, given, strict=True)
    )


def _structure(nested: Any) -> Any:
    return keras.tree.map_structure(
        lambda x: None, keras.tree.lists_to_tuples(nested), none_is_leaf=False
    )


def is_float(tensor: Any) -> bool:
    """Whether the values of a tensor are no integers."""
    return keras.backend.is_float_dtype(tensor.dtype)
