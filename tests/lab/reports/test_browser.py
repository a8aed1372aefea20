"""The page as a browser shows it: no complaints, on a phone, in the dark, in print, by keyboard, without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, chromium
from synthetic import gan_run, rl_run, write_study

from lab.reports.html import report
from lab.reports.measured import FILE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here; CONTRIBUTING says how these tests are run"),
]
PHONE, DESK = 390, 1280
PAGES = ("run", "pair", "study")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(chromium() or "") as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of a run, of two runs side by side beside one of RL, and of a study."""
    root = tmp_path_factory.mktemp("results")
    first = gan_run(root / "runs" / "ring-with-quite-a-long-name-s0")
    kept = {"step": 4000, "moves": [[0.1, 0.2]], "multipliers": [[1.4, 0.3]], "verdict": "unstable"}
    (first / FILE).write_text(json.dumps({**kept, "period": 1000, "growth_per_step": 4e-4}))
    second = gan_run(root / "runs" / "another-s1", seed=1, batch_size=8, steps=3000)
    study = write_study(root, {"constant": 0.7, "quadrature": 0.82}, seeds=6)
    return {
        "run": report([first], root / "run.html"),
        "pair": report([first, second, rl_run(root / "runs" / "cart")], root / "pair.html"),
        "study": report([study], root / "study.html"),
    }


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("width", "media"),
    [(DESK, {}), (PHONE, {}), (DESK, {"prefers_color_scheme": "dark"}), (800, {"media": "print"})],
    ids=["desk", "phone", "dark", "print"],
)
def test_it_renders_without_complaint_network_or_overflow(
    browser: Browser, pages: dict[str, Path], page: str, width: int, media: Any
) -> None:
    browser.open(pages[page], width, **media)
    assert browser.run("document.querySelector('h1').getBoundingClientRect().height") > 10
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert browser.requests == []


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_is_there_and_described(browser: Browser, pages: dict[str, Path], page: str) -> None:
    browser.open(pages[page])
    images = browser.run("[...document.images].map((image) => [image.alt, image.naturalWidth, image.width])")
    assert len(images) >= 2
    assert all(len(alt) > 20 and natural > 100 for alt, natural, _ in images)
    labels = browser.run("[...document.querySelectorAll('canvas')].map((c) => c.getAttribute('aria-label'))")
    assert all("generator loss against discriminator loss" in label for label in labels)
    assert bool(labels) == (page != "study")


def tab_to(browser: Browser, selector: str) -> None:
    """Press Tab until the element that the selector means has the focus, as somebody without a mouse does."""
    for _ in range(60):
        browser.press("Tab")
        if browser.run(f"document.activeElement === document.querySelector({selector!r})"):
            return
    pytest.fail(f"{selector} cannot be reached by Tab")


def test_tables_sort_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"])
    second = "table thead th:nth-child(2)"
    column = "[...document.querySelectorAll('table')[0].tBodies[0].rows].map((row) => Number(row.cells[1].textContent))"
    before = browser.run(column)
    tab_to(browser, f"{second} button")
    browser.press("Enter")
    assert browser.run(column) == sorted(before) != before
    assert browser.run(f"document.querySelector('{second}').getAttribute('aria-sort')") == "ascending"
    browser.press(" ")
    assert browser.run(column) == sorted(before, reverse=True)
    assert browser.run(f"document.querySelector('{second}').getAttribute('aria-sort')") == "descending"
    tab_to(browser, "table thead th:nth-child(3) button")
    browser.press("Enter")
    assert browser.run("document.querySelectorAll('table')[0].querySelectorAll('[aria-sort]').length") == 1


@pytest.mark.parametrize(
    ("cells", "upwards"),
    [
        (["12,300", "9", "1,200 of 20,000", "–", "100"], ["9", "100", "1,200 of 20,000", "12,300", "–"]),
        (["0.5 [0.1, 0.9]", "−0.2", "+13\u00a0%", "1e-05"], ["−0.2", "1e-05", "0.5 [0.1, 0.9]", "+13\u00a0%"]),
        (["s10", "s9", "–", "lr"], ["lr", "s9", "s10", "–"]),
    ],
    ids=["thousands", "signs", "words"],
)
def test_numbers_sort_as_numbers_and_what_is_absent_comes_last(
    browser: Browser, pages: dict[str, Path], cells: list[str], upwards: list[str]
) -> None:
    browser.open(pages["run"])
    rows = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells)
    table = f"<table><thead><tr><th>x</th></tr></thead><tbody>{rows}</tbody></table>"
    found = browser.run(
        "(() => { const box = document.createElement('div'); document.body.append(box);"
        f"box.innerHTML = {json.dumps(table)}; const made = box.firstChild; makeSortable(made);"
        "const read = () => [...made.tBodies[0].rows].map((row) => row.textContent);"
        "const button = made.querySelector('button'); button.click(); const up = read(); button.click();"
        "return [up, read()]; })()"
    )
    absent = [cell for cell in upwards if cell == "–"]
    there = [cell for cell in upwards if cell != "–"]
    assert found == [upwards, there[::-1] + absent]


SHOWN = (
    "[...document.querySelectorAll('.frames li')].filter((li) => li.offsetHeight).map((li) => Number(li.dataset.step))"
)


def test_the_slider_moves_samples_and_path_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"])
    assert browser.run(SHOWN) == [4000]
    tab_to(browser, ".controls input")
    drawn = "document.querySelector('canvas').toDataURL()"
    pictures = [browser.run(drawn)]
    browser.press("Home")
    assert browser.run(SHOWN) == [500]  # the first there is
    assert browser.run("document.querySelector('.controls output').textContent") == "generator update 0"
    pictures.append(browser.run(drawn))
    for _ in range(20):
        browser.press("ArrowRight")
    (middle,) = browser.run(SHOWN)
    assert 500 < middle < 4000
    words = browser.run("document.querySelector('.controls input').getAttribute('aria-valuetext')")
    assert words.startswith("generator update 1,")
    pictures.append(browser.run(drawn))
    browser.press("End")
    assert browser.run(SHOWN) == [4000]
    pictures.append(browser.run(drawn))
    assert pictures[0] == pictures[3]
    assert len(set(pictures)) == 3


def test_it_plays_and_halts_where_motion_is_welcome(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"])
    place = "Number(document.querySelector('.controls input').value)"
    end = browser.run(place)
    tab_to(browser, ".controls button")
    assert browser.run(place) == end  # nothing moves by itself
    browser.press("Enter")
    browser.wait(f"0 < {place} && {place} < {end}")
    browser.press("Enter")
    halted = browser.run(place)
    browser.frames()
    assert browser.run(place) == halted
    browser.open(pages["run"], prefers_reduced_motion="reduce")
    assert browser.run("document.querySelector('.controls button').offsetHeight") == 0
    tab_to(browser, ".controls input")
    browser.press("Home")
    assert browser.run(SHOWN) == [500]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_runs_stand_side_by_side_under_one_slider(browser: Browser, pages: dict[str, Path], width: int) -> None:
    browser.open(pages["pair"], width)
    boxes = browser.run(
        "[...document.querySelectorAll('.along figure')].map((f) => f.getBoundingClientRect()).map((b) => [b.x, b.y])"
    )
    assert len(boxes) == 2
    assert boxes[0][1] == boxes[1][1]
    assert boxes[1][0] > boxes[0][0] + 100
    assert browser.run(SHOWN) == [4000, 3000]
    browser.run("document.querySelector('.controls input').focus()")
    browser.press("Home")
    assert browser.run(SHOWN) == [500, 500]


def test_without_scripts_everything_is_there_to_read(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"], PHONE, script=False)
    count = "document.querySelectorAll('.frames li').length"
    assert len(browser.run(SHOWN)) == browser.run(count) == 8
    assert browser.run("document.querySelector('.controls').offsetHeight") == 0
    assert browser.run("document.querySelector('canvas').offsetHeight") == 0
    assert browser.run("document.querySelectorAll('th button').length") == 0
    assert browser.run("document.documentElement.scrollWidth") <= PHONE


LIGHT = """(text) => {
  const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_paper(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    browser.open(pages["run"], prefers_color_scheme=scheme)
    paper = browser.run(f"({LIGHT})(getComputedStyle(document.body).backgroundColor)")
    assert (paper < 0.1) == (scheme == "dark")
    for what in ("p", "figcaption", "td", "th button", ".controls button", ".key", "a, summary"):
        ink = browser.run(f"({LIGHT})(getComputedStyle(document.querySelector({what!r})).color)")
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, what


def test_paper_has_figures_and_tables_and_nothing_to_press(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["pair"], 800, media="print")
    for gone in (".controls", ".frames", "canvas", "nav"):
        assert browser.run(f"document.querySelector('{gone}').offsetHeight") == 0, gone
    assert browser.run("[...document.querySelectorAll('figure img')].filter((i) => i.offsetHeight > 50).length") >= 10
    content = "getComputedStyle(document.querySelector('th button'), '::after').content"
    assert browser.run(content) == "none"


STROKES = """(() => {
  const found = [], page = getComputedStyle(document.body).backgroundColor, pen = CanvasRenderingContext2D.prototype;
  for (const name of ["stroke", "strokeRect", "fillText"]) {
    const real = pen[name];
    pen[name] = function (...given) {
      const colour = name === "fillText" ? this.fillStyle : this.strokeStyle;
      found.push([name === "stroke" ? (this.lineWidth > 2 ? "fresh" : "old") : name, colour, this.globalAlpha]);
      return real.apply(this, given);
    };
  }
  const slider = document.querySelector(".controls input");
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input"));
  return [page, found];
})()"""


def channels(colour: str) -> list[float]:
    """Red, green and blue of what a canvas or a style says, in [0, 255]."""
    if colour.startswith("#"):
        return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return [float(value) for value in re.findall(r"[\d.]+", colour)[:3]]


def luminance(colour: list[float]) -> float:
    values = [value / 255 for value in colour]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(colour: list[float], paper: list[float]) -> float:
    low, high = sorted((luminance(colour), luminance(paper)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_path_and_its_frame_stand_out_from_their_paper(
    browser: Browser, pages: dict[str, Path], scheme: str
) -> None:
    """By 3 to 1, as WCAG 1.4.11 asks of what must be told apart to be understood; text by 4.5."""
    browser.open(pages["run"], prefers_color_scheme=scheme)
    page, strokes = browser.run(STROKES)
    paper = channels(page)
    assert {kind for kind, _, _ in strokes} == {"old", "fresh", "strokeRect", "fillText"}
    least = dict.fromkeys((kind for kind, _, _ in strokes), 99.0)
    for kind, colour, alpha in strokes:
        seen = [alpha * value + (1 - alpha) * below for value, below in zip(channels(colour), paper, strict=True)]
        least[kind] = min(least[kind], contrast(seen, paper))
    assert min(least.values()) >= 3, least
    assert least["fillText"] >= 4.5
    assert least["fresh"] > least["old"] + 1
    key = browser.run("getComputedStyle(document.querySelector('.phases')).backgroundImage")
    colours = [channels(each) for each in re.findall(r"rgb\([^)]*\)", key)]
    assert len(colours) > 4
    assert min(contrast(each, paper) for each in colours) >= 3


def test_a_change_of_scheme_mixes_the_colours_anew(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"], prefers_color_scheme="light")
    first = browser.run("getComputedStyle(document.querySelector('.phases')).backgroundImage")
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    browser.ask("Emulation.setEmulatedMedia", media="", features=[feature])
    browser.wait(f"getComputedStyle(document.querySelector('.phases')).backgroundImage !== {json.dumps(first)}")


def named(browser: Browser, role: str) -> list[str]:
    """What assistive technology calls everything of a role on the page."""
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    return [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == role]


def test_what_moves_by_itself_is_read_out_where_it_halts(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["run"])
    live = "document.querySelector('.controls output').getAttribute('aria-live')"
    assert browser.run(live) == "polite"
    browser.run(
        "window.changes = []; new MutationObserver(() => changes.push("
        "document.querySelector('.controls output').getAttribute('aria-live'))).observe("
        "document.querySelector('.controls output'), {childList: true, characterData: true, subtree: true})"
    )
    tab_to(browser, ".controls button")
    browser.press("Enter")
    browser.wait("changes.length > 3")
    assert browser.run(live) == "off"
    assert set(browser.run("changes")) == {"off"}
    browser.run("changes.length = 0")
    browser.press("Enter")
    assert browser.run(live) == "polite"
    browser.wait("changes.includes('polite')")
    browser.frames()
    heard = browser.run("changes")
    assert heard.count("polite") == 1


def test_buttons_have_names_of_their_own_and_no_signs_in_them(browser: Browser, tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / "first-s0"), rl_run(tmp_path / "cart"), gan_run(tmp_path / "second-s0", batch_size=8)]
    browser.open(report(runs[:2], tmp_path / "page.html"))
    buttons, sliders = named(browser, "button"), named(browser, "slider")
    assert [name for name in buttons if name.startswith("Play")] == ["Play first-s0"]
    assert sliders == ["Step of first-s0"]
    assert not [name for name in buttons if set(name) & set("↕▲▼")]
    browser.run("document.querySelector('th button').click()")
    assert not [name for name in named(browser, "button") if set(name) & set("↕▲▼")]
    browser.run("document.querySelector('.controls button').click()")
    assert "Pause first-s0" in named(browser, "button")
    browser.open(report([runs[0], runs[2]], tmp_path / "pair.html"))
    assert [name for name in named(browser, "button") if name.startswith("Play")] == ["Play first-s0, second-s0"]


STOPS = (
    "[...document.querySelectorAll('.scroll')].map((box) => [box.scrollWidth > box.clientWidth, box.tabIndex === 0])"
)


def test_only_what_scrolls_is_a_stop_of_the_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["pair"], PHONE)
    small = browser.run(STOPS)
    assert all(scrolls == stop for scrolls, stop in small)
    assert any(scrolls for scrolls, _ in small)
    assert len(named(browser, "region")) >= sum(scrolls for scrolls, _ in small)
    browser.ask("Emulation.setDeviceMetricsOverride", width=2600, height=900, deviceScaleFactor=1, mobile=False)
    browser.frames()
    large = browser.run(STOPS)
    assert all(scrolls == stop for scrolls, stop in large)
    assert sum(stop for _, stop in large) < sum(stop for _, stop in small)
    browser.open(pages["pair"], PHONE, script=False)
    assert all(stop for _, stop in browser.run(STOPS))
