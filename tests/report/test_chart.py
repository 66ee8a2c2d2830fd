import pytest

from gansmith.report.chart import chart, gather, ticks
from gansmith.report.progress import MORE, charts
from gansmith.report.templates import part


def test_steps_of_a_second_stage_go_on() -> None:
    lines = [{"stage": k, "step": s, "seconds": 0, "a": s} for k in (0, 1) for s in (10, 20)]
    assert gather(lines)["a"][0] == [10, 20, 30, 40]


@pytest.mark.parametrize(
    "values", [[1.0], [0.0, 0.0], [float("nan")], [1e29, -1e29], [1e-300, 2e-300], [1e17, 1e17 + 16]]
)
def test_curves_of_every_kind_are_drawn(values: list[float]) -> None:
    made = chart("<i>", {"a": (list(range(len(values))), values)})
    drawn = part("one_chart", made)
    assert (bool(made.steps), "<svg" in drawn) == ((True, True) if values[0] == values[0] else (False, False))
    assert "nan" not in drawn.replace("no finite", "")
    assert "<i>" not in drawn


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-0.3, 1.0, 4) == [0.0, 0.5, 1.0]
    for low, high in ((-1e-7, 3e-7), (5.0, 5.1), (0.0, 123456.0), (-40.0, -3.0)):
        found = ticks(low, high, 4)
        assert 2 <= len(found) <= 6
        assert low <= found[0] < found[-1] <= high


def test_a_chart_of_losses_has_room_for_four() -> None:
    log = [
        {"stage": 0, "step": step, "seconds": step, **{f"player{i}/loss": 1.0 for i in range(40)}} for step in (1, 2)
    ]
    usual, others = charts(log, [])
    assert [len(each.lines) for each in usual if each.title == "losses"] == [4] and len(others) == MORE
