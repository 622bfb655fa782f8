"""`python -m infra.costs`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.costs.build import build_cost
from infra.costs.command import app
from infra.costs.constants import read_constants


def test_json_has_every_size_and_machine() -> None:
    done = CliRunner().invoke(app, ["--json", "--scenes", "532,5320", "--workers", "1,8", "--gpus", "1,8,64"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert [(row["scenes"], row["workers"]) for row in found["build"]] == [(532, 1), (532, 8), (5320, 1), (5320, 8)]
    assert {row["trials"] for row in found["campaign"]} == {2405}
    assert len(found["campaign"]) == 6
    assert {row["scenes"] for row in found["limits"]} == {532, 5320}


def test_tables_say_that_gpu_figures_are_a_models_and_that_no_prices_are_given() -> None:
    done = CliRunner().invoke(app, ["--scenes", "532", "--studies", "downscale"])
    assert done.exit_code == 0, done.output
    assert "build a lake of 532 scenes" in done.output
    assert "GPU figures are a model's" in done.output
    assert "no money" in done.output


def test_prices_that_are_lacking_are_named_and_small_sums_have_cents(tmp_path: Path) -> None:
    mine = tmp_path / "prices.toml"
    mine.write_text('date = 2026-11-30\ncurrency = "EUR"\nsource = "ours"\ncore_hour = 0.05\n')
    done = CliRunner().invoke(app, ["build", "--scenes", "532", "--workers", "1", "--prices", str(mine)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "prices in EUR of 2026-11-30: ours" in said
    assert "has no such price: gpu_hour, write_1000, read_1000, gb_month" in said
    hours = build_cost(read_constants(), 532, 1).seconds / 3600
    assert f" {0.05 * hours:.2f} " in said
    assert "GPU figures" not in said
    done = CliRunner().invoke(app, ["build", "--scenes", "532", "--prices", str(mine), "--json"])
    assert json.loads(done.stdout)["prices"]["dated"] == "2026-11-30"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bild"], "did you mean 'build'"),
        (["--card", "H10"], "did you mean 'H100'"),
        (["--studies", "downscal"], "did you mean 'downscale'"),
        (["--ratios", "2,5"], "--ratios '2,5' is not allowed: give 2,5,10 or 1,2,5,10"),
        (["--gpus", "0"], "--gpus '0' is not allowed"),
        (["--workers", "many"], "--workers 'many' is not allowed"),
        (["--prices", "nowhere.toml"], "cannot be read"),
    ],
)
def test_words_that_are_none_are_refused(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())
