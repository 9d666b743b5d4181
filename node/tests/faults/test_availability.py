"""The picture of a fault run says what the figures say."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.faults.ensemble.availability import HEAD, ROW_HEIGHT, ROW_S_MAX, TOP, Mark, draw

SVG = "{http://www.w3.org/2000/svg}"


def test_picture_has_a_point_for_each_second_and_a_bar_for_each_fault() -> None:
    """Higher counts stand higher; names are escaped; bars are as long as their faults."""
    marks = [Mark("a < b", 1.0, 2.0), Mark("other", 3.0, 5.0)]
    root = ET.fromstring(draw("title", [10, 0, 40, 20, 5], [1, 2, 3, 4, 5], marks))
    lines = {line.get("class"): line for line in root.iter(f"{SVG}polyline")}
    points = [point.split(",") for point in (lines["w"].get("points") or "").split()]
    heights = [float(y) for _, y in points]
    assert len(points) == 5
    assert min(heights) == heights[2] == HEAD + TOP
    assert max(heights) == heights[1] < HEAD + ROW_HEIGHT
    bars = [bar for bar in root.iter(f"{SVG}rect") if bar.get("class") == "m"]
    widths = [float(bar.get("width") or 0) for bar in bars]
    assert len(bars) == 2
    assert abs(widths[1] - 2 * widths[0]) < 0.2
    assert "a < b" in [text.text for text in root.iter(f"{SVG}text")]


def test_long_run_has_several_rows() -> None:
    """Each second stands in one of them; a fault over their border has a bar in both and one name."""
    half = ROW_S_MAX // 2 + 10
    marks = [Mark("over the border", half - 5.0, half + 5.0)]
    counts = list(range(2 * half))
    root = ET.fromstring(draw("title", counts, counts, marks))
    lines = [line for line in root.iter(f"{SVG}polyline") if line.get("class") == "w"]
    assert [len((line.get("points") or "").split()) for line in lines] == [half, half]
    assert len([bar for bar in root.iter(f"{SVG}rect") if bar.get("class") == "m"]) == 2
    assert [text.text for text in root.iter(f"{SVG}text")].count("over the border") == 1


def test_picture_of_nothing_can_be_drawn() -> None:
    """A run that failed in its first second."""
    assert ET.fromstring(draw("title", [], [], [])).tag == f"{SVG}svg"
