"""The drawings: true to their figures, labelled in words, and free of inline style."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.money import Money
from controltower.web.charts import agebars, journey, lane, small, svg, timescale
from controltower.web.charts.trend import Trend
from controltower.web.charts.value import Backlog, Part
from controltower.web.marks import Mark

NOW = datetime(2026, 11, 26, 13, 26, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _british() -> object:
    with translation.override("en-gb"), timezone.override("Europe/Berlin"):
        yield


def euro(amount: int) -> Money:
    return Money.of(amount, "EUR")


def backlog(late: int = 0, due: int = 0, early: int = 0) -> Backlog:
    parts = [Part(1 if amount else 0, euro(amount)) for amount in (late, due, early)]
    return Backlog(*parts)


def stage(title: str, moving: int, stuck: Backlog) -> lane.Stage:
    return lane.Stage(
        title, "Certinia", timedelta(hours=9), 3, euro(moving), stuck, "/x/?a=1&b=2", "/y/"
    )


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def heights(markup: str, css: str) -> list[float]:
    return [float(x.get("height", 0)) for x in parsed(markup).iter("rect") if x.get("class") == css]


def test_a_style_attribute_is_refused() -> None:
    with pytest.raises(ValueError, match="geometry"):
        svg.tag("rect", style="fill:red")


def test_text_in_a_drawing_is_escaped() -> None:
    drawn = svg.text(0, 0, "<script>alert(1)</script>")
    assert "<script>" not in drawn


def test_the_lane_is_well_formed_and_says_itself() -> None:
    drawn = lane.Lane("Quote to cash", (stage("A & B", 100, backlog(late=5)),)).draw
    assert parsed(drawn).get("aria-label", "").startswith("Quote to cash: value in motion")
    assert "style=" not in drawn
    assert "A &amp; B in Certinia: 3 moving, €100; 1 stuck, €5" in drawn


def test_pockets_share_their_height_by_value() -> None:
    one = lane.Lane("L", (stage("A", 1000, backlog(late=30, due=60)),))
    late, due = heights(one.draw, "f-br"), heights(one.draw, "f-rk")
    assert due[0] == pytest.approx(2 * late[0], abs=0.2)


def test_late_value_carries_the_hatch() -> None:
    drawn = lane.Lane("L", (stage("A", 100, backlog(late=5)),)).draw
    assert 'fill="url(#lane-hatch)"' in drawn
    assert 'id="lane-hatch"' in drawn


def test_the_scale_is_stated_in_words() -> None:
    calm = lane.Lane("L", (stage("A", 100, backlog(late=100)),))
    small_pockets = lane.Lane("L", (stage("A", 10_000, backlog(late=100)),))
    assert calm.scale_words.endswith("on the same scale.")
    assert small_pockets.magnified == 100
    assert "drawn 100 times larger" in small_pockets.scale_words
    nothing_stuck = lane.Lane("L", (stage("A", 10_000, backlog()),))
    assert nothing_stuck.scale_words == calm.scale_words, "what is not drawn has no scale"


def test_pockets_keep_their_proportion_where_more_is_stuck_than_moves() -> None:
    drawn = lane.Lane(
        "L", (stage("A", 100, backlog(due=70_000)), stage("B", 90, backlog(due=350_000)))
    ).draw
    less, more = heights(drawn, "f-rk")
    assert more == pytest.approx(5 * less, abs=0.2)
    assert more <= lane.POCKET_MAX


def test_an_empty_lane_is_calm() -> None:
    drawn = lane.Lane("L", (stage("A", 0, backlog()),)).draw
    assert "Nothing stuck" in drawn
    assert parsed(drawn) is not None


def test_words_stand_clear_of_a_band_that_comes_down_from_a_broader_stage() -> None:
    def top_of(word: str, *moving: int) -> float:
        stages = [lane.Stage("S", "ERP", None, n, euro(n), backlog(), "/x/", "/y/") for n in moving]
        texts = parsed(lane.Lane("L", tuple(stages)).draw).iter("text")
        return next(float(x.get("y", 0)) for x in texts if x.text == word)

    broad = lane.BAND_MAX / 2
    assert top_of("Nothing moving", 1000, 0, 0) < lane.AXIS - broad * lane.FROM_BEFORE
    assert top_of("Nothing stuck", 0, 0, 1000) == top_of("Nothing stuck", 0, 0)
    assert top_of("Nothing stuck", 0, 1000) > lane.AXIS + broad * lane.FROM_AFTER


def test_age_bars_name_every_band() -> None:
    bars = agebars.AgeBars(
        (agebars.AgeBand("Under 1 h", backlog(due=10)), agebars.AgeBand("1 to 4 h", backlog()))
    )
    assert parsed(bars.draw).get("aria-label") == "Stuck value by age: Under 1 h €10; 1 to 4 h –"


def test_the_journey_numbers_its_failed_tries_and_shows_the_future() -> None:
    begun = NOW - timedelta(hours=3)
    hop = journey.Hop(
        "Tryton", "Post invoice", Mark("br", "Refused"), begun, None,
        tuple(journey.Try(n, begun + timedelta(minutes=5 * n), True) for n in (1, 2, 3)),
        NOW + timedelta(minutes=6),
    )  # fmt: skip
    one = journey.Journey((hop,), NOW, NOW, NOW + timedelta(hours=1))
    words = "".join(parsed(one.draw).itertext())
    assert "Try 4" in words
    assert "at 14:32" in words
    assert "Now 14:26" in words
    assert "Promise ends 15:26" in words
    assert one.sentence == (
        "0 steps done, Post invoice failed 3 times, next try 14:32 CET, promise ends 15:26 CET"
    )


def test_a_journey_that_has_not_begun_still_draws() -> None:
    hop = journey.Hop("Tryton", "Post", Mark("nt", "Not started"), waits_for="Waits for step 1")
    assert "Waits for step 1" in journey.Journey((hop,), NOW).draw


@given(
    st.lists(
        st.integers(min_value=0, max_value=60 * 60 * 24 * 90), min_size=1, max_size=40, unique=True
    )
)
def test_the_time_axis_keeps_order_and_stays_inside(seconds: list[int]) -> None:
    moments = [NOW + timedelta(seconds=s) for s in seconds]
    scale = timescale.build(moments, 150, 1130)
    places = [scale.at[m] for m in sorted(moments)]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert min(places) >= 150
    assert max(places) <= 1130.5


def test_a_long_wait_is_folded() -> None:
    close = [NOW + timedelta(minutes=m) for m in (0, 5, 9)]
    scale = timescale.build([NOW - timedelta(days=20), *close], 150, 1130)
    assert len(scale.spans) == 2


def test_a_sparkline_is_thinned_but_keeps_its_peak() -> None:
    values = [1.0] * 5_000
    values[2_345] = 9.0
    drawn = small.sparkline(values, "nt", "Call time")
    points = re.search(r'points="([^"]+)"', drawn)
    assert points is not None
    pairs = [tuple(map(float, pair.split(","))) for pair in points.group(1).split()]
    assert len(pairs) <= 60
    assert min(y for _, y in pairs) == pytest.approx(2.0, abs=0.1)


def test_progress_never_exceeds_its_bar() -> None:
    bar = small.Progress(worked=21, failed=2, total=39)
    assert bar.left == 16
    widths = [float(r.get("width", 0)) for r in parsed(bar.draw).iter("rect")]
    assert widths[1] + widths[2] <= widths[0]
    assert small.Progress(0, 0, 0).sentence == "Nothing to replay"
    assert bar.sentence == "21 of 39 worked, 2 failed again, 16 left"


def test_a_trend_is_drawn_for_a_desk_and_for_a_phone_with_text_of_one_size() -> None:
    drawn = Trend(
        title="Backlog", figures=[None, 4.0, 2.0], target=3.0, first="1 Nov", last="3 Nov",
        written=str, met=True,
    ).draw  # fmt: skip
    rooms = re.findall(r'class="chart (desk|phone)-only" viewBox="0 0 (\d+) ', drawn)
    assert dict(rooms) == {"desk": "720", "phone": "320"}
    for text in ("1 Nov", "3 Nov", "target 3.0", "4.0"):
        assert drawn.count(f">{text}</text>") == 2
