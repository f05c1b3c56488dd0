"""Parts are joined to one model and found again in it, without anything of one in another."""

from __future__ import annotations

import onnx
import pytest
from numpy import allclose, array_equal, float32, full
from numpy.typing import NDArray
from onnx import TensorProto, helper

from walkaround.errors import PackageError
from walkaround.models.joined import joined, part_of
from walkaround.models.names import BOX_CLASSES, BOX_PIXELS, BOX_SCORES, BOXES, HEAT, MASK_PIXELS, MASKS, PIXELS, PROBABILITIES
from walkaround.models.network import Network

SIDES = {PIXELS: 8, BOX_PIXELS: 16, MASK_PIXELS: 4}


def pixels(part: str, *, n: int = 1, value: float = 3.0) -> NDArray[float32]:
    return full((n, 3, SIDES[part], SIDES[part]), value, float32)


def part(source: str, factors: dict[str, float], *, opset: int = 17, domain: str = "") -> bytes:
    """A model whose outputs are its pixels times a factor; all parts use the same names inside."""
    side, nodes, stored = SIDES[source], [], []
    for number, (name, factor) in enumerate(factors.items()):
        stored.append(helper.make_tensor(f"factor{number}", TensorProto.FLOAT, [], [factor]))
        nodes.append(helper.make_node("Mul", [source, f"factor{number}"], [f"scaled{number}"], name=f"node{number}"))
        nodes.append(helper.make_node("Identity", [f"scaled{number}"], [name]))
    shape: list[str | int | None] = ["n", 3, side, side]
    graph = helper.make_graph(
        nodes,
        "part",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in factors],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, opset)], ir_version=8)
    return bytes(model.SerializeToString())


VERDICT = part(PIXELS, {PROBABILITIES: 2.0, HEAT: 3.0})
FINDER = part(BOX_PIXELS, {BOXES: 5.0, BOX_SCORES: 7.0, BOX_CLASSES: 11.0})
SEGMENTER = part(MASK_PIXELS, {MASKS: 13.0})


def test_each_part_of_a_joined_model_answers_as_it_did_alone() -> None:
    whole = Network(joined([VERDICT, FINDER, SEGMENTER]), parts=(PIXELS, BOX_PIXELS, MASK_PIXELS))
    for source, alone in ((PIXELS, VERDICT), (BOX_PIXELS, FINDER), (MASK_PIXELS, SEGMENTER)):
        outputs = [tensor.name for tensor in onnx.load_from_string(alone).graph.output]
        expected = Network(alone, parts=(source,)).run(pixels(source, n=2), outputs, part=source)
        for one, other in zip(whole.run(pixels(source, n=2), outputs, part=source), expected, strict=True):
            assert array_equal(one, other)


def test_a_part_alone_keeps_its_names_outside() -> None:
    model = onnx.load_from_string(joined([FINDER]))
    assert [tensor.name for tensor in model.graph.input] == [BOX_PIXELS]
    assert [tensor.name for tensor in model.graph.output] == [BOXES, BOX_SCORES, BOX_CLASSES]


def test_nothing_of_the_others_is_in_a_part() -> None:
    model = onnx.load_from_string(part_of(joined([VERDICT, FINDER]), PIXELS))
    assert len(model.graph.node) == 4
    assert len(model.graph.initializer) == 2
    assert all(node.name.startswith("verdict/") for node in model.graph.node if node.op_type == "Mul")


def test_parts_take_batches_of_different_lengths_at_once_in_the_joined_model() -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(joined([VERDICT, SEGMENTER]), providers=["CPUExecutionProvider"])
    probabilities, masks = session.run([PROBABILITIES, MASKS], {PIXELS: pixels(PIXELS), MASK_PIXELS: pixels(MASK_PIXELS, n=5)})
    assert (len(probabilities), len(masks)) == (1, 5)
    nothing = session.run([PROBABILITIES], {PIXELS: pixels(PIXELS), MASK_PIXELS: pixels(MASK_PIXELS, n=0)})
    assert allclose(nothing[0], 6.0)


def test_a_branch_inside_a_part_keeps_what_it_reads_from_outside() -> None:
    """`If` reads names of the graph around it, which stand in no node's list of inputs."""
    model = onnx.load_from_string(part(MASK_PIXELS, {MASKS: 1.0}))
    value = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, None)
    branches = {
        f"{kind}_branch": helper.make_graph([helper.make_node("Identity", [name], ["chosen"])], kind, [], [value])
        for kind, name in (("then", "doubled"), ("else", MASK_PIXELS))
    }
    doubled = helper.make_node("Add", [MASK_PIXELS, MASK_PIXELS], ["doubled"])
    choice = helper.make_node("If", ["condition"], [MASKS], **branches)
    model.graph.initializer.append(helper.make_tensor("condition", TensorProto.BOOL, [], [True]))
    del model.graph.node[:]
    model.graph.node.extend([doubled, choice])
    network = Network(joined([VERDICT, model.SerializeToString()]), parts=(PIXELS, MASK_PIXELS))
    assert allclose(network.run(pixels(MASK_PIXELS), [MASKS], part=MASK_PIXELS)[0], 6.0)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "joined of different parts"),
        ([VERDICT, VERDICT], "joined of different parts"),
        ([part(PIXELS, {PROBABILITIES: 1.0})], "not those of a part"),
        ([part(PIXELS, {MASKS: 1.0})], "not those of a part"),
        ([VERDICT, part(MASK_PIXELS, {MASKS: 1.0}, opset=16)], r"operator set \[16\], it must have 17"),
    ],
)
def test_what_does_not_fit_is_refused(parts: list[bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        joined(parts)


def test_a_model_without_the_part_that_its_card_tells_of_is_refused() -> None:
    for parts in ((BOX_PIXELS,), (PIXELS, MASK_PIXELS)):
        with pytest.raises(PackageError, match="not a model that ONNX Runtime can load"):
            Network(joined([VERDICT, FINDER]), parts=parts)
