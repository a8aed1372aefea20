"""The claims of this repository: their studies exist and ask what they say, and the README shows what was found."""

import re
from pathlib import Path

import pytest

from lab.studies.claims import Claim, load_claims
from lab.studies.claims_table import BEGIN, END, markdown_of
from lab.studies.finding import Finding, find_out
from lab.studies.model import SHIPPED, load_study
from lab.studies.verify import FIRST_SEED, begun_with, small_version

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = load_claims()


def stated(name: str) -> bool:
    return (SHIPPED / f"{name}.yaml").is_file()


def test_every_study_that_a_claim_names_is_stated() -> None:
    named = {name for claim in CLAIMS for name in (claim.study, claim.response, *claim.verify.first) if name}
    assert all(map(stated, named))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_is_what_its_study_compares_and_can_be_run_in_small(claim: Claim) -> None:
    study = load_study(SHIPPED / f"{claim.study}.yaml")
    named = claim.compare is not None or len(study.compare) == 1
    assert (study.response is not None) != named, "of several comparisons the claim names its own"
    assert claim.compare is None or claim.compare in study.compare
    small = small_version(claim, study)
    assert len(small.arms) * len(small.seeds) < len(study.arms) * len(study.seeds)
    assert min(small.seeds) >= FIRST_SEED > max(study.seeds)
    sources = re.findall(r"'([\w-]+)/", str([*small.set.values(), *small.arms.values()]))
    assert {source for source in sources if stated(source)} <= {first.name for first in begun_with(claim)}
    if claim.response:
        assert load_study(SHIPPED / f"{claim.response}.yaml").response is not None


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return find_out(CLAIMS, ROOT / "results")


def test_the_readme_shows_what_the_results_say(findings: list[Finding]) -> None:
    page = (ROOT / "README.md").read_text()
    shown = page.split(BEGIN)[1].split(END)[0]
    assert shown.strip() == markdown_of(findings), "make claims writes it anew"


def test_every_phase_response_of_the_results_is_a_claims(findings: list[Finding]) -> None:
    """So that none is left out of the table and the figure because of what it found."""
    asked = {finding.response.name for finding in findings if finding.response} | {"transfer-pretraining"}
    run = {path.parent.name for path in (ROOT / "results").glob("*/study.yaml")}
    slid = {name for name in run if load_study(ROOT / "results" / name / "study.yaml").response is not None}
    assert slid <= asked
