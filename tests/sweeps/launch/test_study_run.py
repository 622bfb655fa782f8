"""The record of a study before its trials run."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from datasets.errors import ClusterError
from datasets.lake import Lake
from datasets.seasons import LOCATIONS
from sweeps.design.scene_sets import trained_on
from sweeps.launch import study_run
from sweeps.launch.plan import plan
from sweeps.launch.study_run import open_study
from sweeps.record.studies import study_row
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import SPEC, request_of, run, small_study


def test_the_record_names_what_cannot_run_also_where_it_was_not_asked_for(tiny_lake: Lake, tmp_path: Path) -> None:
    study = small_study(2, axes={"train.location": trained_on("location", LOCATIONS)})
    there = {record.location for record in tiny_lake.catalog().split("train")}
    part = study.only([f"train.location={min(there)}", "seed=0"])
    planned = plan(part, (tiny_lake,), study=study)
    assert (len(planned.ready), planned.impossible) == (1, ())
    request = request_of(tiny_lake, tmp_path, uri=fresh_database(tmp_path))
    design = study_row(open_study(planned, request)).design
    assert design is not None
    assert {each.cell[-1] for each in design.left_out} == set(LOCATIONS) - there
    assert {cell[-1] for cell in design.cells} == there
    assert design.trials == 2 * len(there)


def test_modules_of_own_networks_go_to_the_nodes(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def cluster(modules: Iterable[str]) -> None:
        asked.extend(modules)
        raise ClusterError("stop here")

    monkeypatch.setattr(study_run, "cluster", cluster)
    networks = {f"net{place}": {"model.name": name, "model.params": {}} for place, name in enumerate(("a.b:C", "z:N"))}
    study = small_study(1, base=SPEC, axes={"network": {"unet": {}, **networks}})
    with pytest.raises(ClusterError, match="stop here"):
        run(study, request_of(tiny_lake, tmp_path, uri=fresh_database(tmp_path)))
    assert asked == ["a.b", "z"]
