"""The HTML report as a reader meets it: whole in itself, every picture described, no text taken as markup."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic import gan_run, write_run, write_study

from lab.errors import UserError
from lab.reports.html import render, report
from lab.reports.sections import Section
from lab.training import plugins
from lab.training.findings import watch_of

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Collects elements, their attributes, and whether tags close in the order in which they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A report of a study with the runs of two arms, and of a run."""
    root = tmp_path_factory.mktemp("results")
    study = write_study(root, {"constant": 0.7, "quadrature": 0.82}, seeds=6)
    for arm in ("constant", "quadrature"):
        gan_run(root / "runs" / "ring" / f"{arm}-s0")
    return Page(report([study, gan_run(root / "runs" / "single")], root / "page.html").read_text())


def test_the_page_asks_nothing_of_a_network(page: Page) -> None:
    assert not page.open
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.all("img"))
    assert all((link["href"] or "").startswith(("#", "data:")) for link in page.all("a") + page.all("link"))
    assert page.all("script") == [{}]  # one, written into the page
    assert not re.search(r"@import|url\(|https?://|fetch\(|XMLHttp|import ", re.sub("<pre>.*?</pre>", "", page.source))


def test_every_picture_is_described_and_has_its_size(page: Page) -> None:
    images = page.all("img")
    assert len(images) >= 9
    for image in images:
        assert len(image["alt"] or "") > 20
        assert int(image["width"] or 0) > 500
        assert int(image["height"] or 0) > 100


def test_a_study_says_its_verdict_and_shows_its_tables(page: Page) -> None:
    assert "Verdict: supported" in page.text
    assert "A quarter ahead is better than constant." in page.text
    assert "Arms: means over seeds" in page.text
    assert "quadrature − constant" in page.text
    assert "lab study ring" in page.text


def test_a_run_says_what_was_trained_and_how_far(tmp_path: Path) -> None:
    run = gan_run(tmp_path / "ring-s0", until=2000)
    (run / "timing.jsonl").write_text('{"step": 1000, "seconds": 40.0}\n{"step": 2000, "seconds": 32.0}\n')
    page = Page(report([run], run / "report.html").read_text())
    # 40 seconds of the first process and 32 of the one that resumed it.
    assert "2,000 generator updates in 1 min 12 s, of 4,000 planned: the run is not finished" in page.text
    assert "period: 1000" in page.text


def test_a_run_says_what_it_shows_and_what_to_try(tmp_path: Path, page: Page) -> None:
    assert "What the run shows Nothing unusual" in words(page)
    run = gan_run(tmp_path / "ring-s0")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    won = [row | {"loss/discriminator": 0.05} if row["step"] > 2000 else row for row in rows]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in won))
    shown = words(Page(report([run], tmp_path / "page.html").read_text()))
    assert "Step 2,300: The discriminator has won: since step 2,050 its loss has been at most 0.05" in shown
    assert "To try next: a lower voices.lr.discriminator" in shown
    assert "Nothing unusual" not in shown


def test_of_a_trainer_that_has_no_watch_nothing_is_said() -> None:
    assert watch_of(plugins.trainer("gan")) is not None
    assert watch_of(plugins.trainer("rl")) is None
    section = Section(title="cart", kind="run", summary=[], tables=[], figures=[])
    assert "What the run shows" not in render([section], "cart")


def words(page: Page) -> str:
    """The page's text with single spaces."""
    return " ".join(page.text.split())


def test_text_of_a_run_is_never_markup(tmp_path: Path) -> None:
    run = gan_run(tmp_path / "<b>bold", data={"name": "<script>alert(1)</script>"})
    page = Page(report([run], tmp_path / "page.html").read_text())
    assert page.all("script") == [{}]  # the page's own
    assert not page.all("b")
    assert "<script>alert" not in page.source
    assert "<script>alert(1)</script>" in page.text


def test_a_run_that_has_logged_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no rows yet"):
        report(
            [write_run(tmp_path / "run", "gan", {"clock": {"period": 10}, "steps": 10, "voices": {}}, [])],
            tmp_path / "page.html",
        )


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a run"):
        report([tmp_path], tmp_path / "page.html")
