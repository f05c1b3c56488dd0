"""One ONNX model of several parts that do not know each other: verdict, boxes, masks; and each part of it again.

ONNX Runtime computes the whole of a model whatever is asked of it: `only_execute_path_to_fetches` of its run options changes
nothing in the builds for inference (measured with 1.31). So a joined model is taken apart again before it is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import onnx
from onnx import compose

from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES, HEAT, MASK_PIXELS, MASKS, PIXELS, PROBABILITIES

OPSET = 17
"""ONNX operator set of every part."""

OUTPUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {PIXELS: (PROBABILITIES, HEAT), BOX_PIXELS: (BOXES, BOX_SCORES, BOX_CLASSES), MASK_PIXELS: (MASKS,)}
)
"""The input of each part that a package can have, and its outputs."""

_PREFIXES = {PIXELS: "verdict/", BOX_PIXELS: "boxes/", MASK_PIXELS: "masks/"}


def joined(parts: Sequence[bytes]) -> bytes:
    """Put parts side by side in one model; names inside get a prefix, those of `walkaround.models.names` stay.

    Args:
        parts: one model or more, each with an input of `OUTPUTS` and with the outputs that belong to it.

    Raises:
        ValueError: a part has other inputs or outputs, another operator set, or there are two of a kind.
    """
    models = [onnx.load_from_string(part) for part in parts]
    kinds = [_kind(model) for model in models]
    if not models or len(set(kinds)) < len(kinds):
        raise ValueError(f"a model is joined of different parts, not of {kinds}")
    whole = _prefixed(models[0], _PREFIXES[kinds[0]])
    for kind, model in zip(kinds[1:], models[1:], strict=True):
        other = _prefixed(model, _PREFIXES[kind])
        whole.ir_version = other.ir_version = max(whole.ir_version, other.ir_version)  # it grows without breaking what was
        whole = compose.merge_models(whole, other, io_map=[])
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


def part_of(model: bytes, kind: str) -> bytes:
    """The part of a joined model that one input leads to.

    Args:
        model: what `joined` gave.
        kind: the part's input, a key of `OUTPUTS`.

    Raises:
        ValueError: the model has no such part.
    """
    whole = onnx.load_from_string(model)
    graph = whole.graph
    wanted = {output.name for output in graph.output} & set(OUTPUTS[kind])
    if not wanted or kind not in {tensor.name for tensor in graph.input}:
        raise ValueError(f"the model has no part with the input {kind!r}")
    kept, needed = [], set(wanted)
    for node in reversed(graph.node):  # in ONNX nodes come after what they need
        if needed & set(node.output):
            kept.append(node)
            needed.update(_needs(node))
    part = onnx.ModelProto(ir_version=whole.ir_version, opset_import=whole.opset_import, functions=whole.functions)
    part.graph.name = kind
    part.graph.node.extend(reversed(kept))
    part.graph.initializer.extend(stored for stored in graph.initializer if stored.name in needed)
    part.graph.input.extend(tensor for tensor in graph.input if tensor.name == kind)
    part.graph.output.extend(tensor for tensor in graph.output if tensor.name in wanted)
    return bytes(part.SerializeToString())


def _kind(model: onnx.ModelProto) -> str:
    inputs, outputs = [tensor.name for tensor in model.graph.input], {tensor.name for tensor in model.graph.output}
    if len(inputs) != 1 or inputs[0] not in OUTPUTS or outputs != set(OUTPUTS[inputs[0]]):
        raise ValueError(f"inputs {inputs} and outputs {sorted(outputs)} are not those of a part; see walkaround.models.names")
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if versions != [OPSET]:
        raise ValueError(f"the part with the input {inputs[0]!r} has operator set {versions}, it must have {OPSET}")
    return str(inputs[0])


def _prefixed(model: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    """The model with all names but those of its inputs and outputs behind a prefix, and without what is told of shapes inside.

    Sizes that have a name are renamed too: ONNX Runtime lets tensors whose sizes have the same names share memory, and the
    batches of two parts differ.
    """
    compose.add_prefix(model, prefix, rename_inputs=False, rename_outputs=False, inplace=True)
    del model.graph.value_info[:]  # ONNX Runtime infers them itself
    for tensor in (*model.graph.input, *model.graph.output):
        for size in tensor.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = prefix + size.dim_param
    return model


def _needs(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads, and what the graphs inside it read from outside, among names of their own."""
    yield from node.input
    for graph in _inner_graphs(node.attribute):
        yield from (tensor.name for tensor in graph.output)  # an outer value may be handed through
        for inner in graph.node:
            yield from _needs(inner)


def _inner_graphs(attributes: Iterable[onnx.AttributeProto]) -> Iterator[onnx.GraphProto]:
    for attribute in attributes:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
