from __future__ import annotations

from html.parser import HTMLParser

from debateqd.qd.archive.base import HeatMap
from debateqd.qd.report.heat_map import heat_map_html


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parse(page: str) -> Cells:
    cells = Cells()
    cells.feed(page)
    return cells


def test_every_cell_is_shown_and_empty_ones_say_so() -> None:
    heat_map = HeatMap(
        axis="verified_quote_share",
        rows=("authority", "refutation"),
        columns=("0-0.2", "0.2-0.4"),
        values=((1000.0, None), (1100.4, 950.0)),
    )
    cells = parse(heat_map_html(heat_map, "Generation 3"))
    assert cells.tags.count("td") == 4
    assert [t for t in cells.text if t in ("1000", "1100", "950", "empty")] == [
        "1000",
        "empty",
        "1100",
        "950",
    ]


def test_colour_follows_rating_and_one_rating_is_no_division_by_zero() -> None:
    two = HeatMap("slot", ("a",), ("1", "2"), ((900.0, 1100.0),))
    page = heat_map_html(two, "t")
    assert "rgb(222,235,247)" in page
    assert "rgb(8,69,148)" in page
    assert "<td style" in heat_map_html(HeatMap("slot", ("a",), ("1",), ((900.0,),)), "t")
    assert "empty" in heat_map_html(HeatMap("slot", ("a",), ("1",), ((None,),)), "t")


def test_labels_cannot_open_tags() -> None:
    hostile = "<script>alert(1)</script>"
    heat_map = HeatMap(hostile, (hostile,), (hostile,), ((1.0,),))
    assert "script" not in parse(heat_map_html(heat_map, hostile)).tags
