"""The forms in which the archives published their scenes, each made from the raw form."""

from pathlib import Path
from typing import Literal, get_args

from ingest.sample.encodings import Encoding, write_encoded
from ingest.sample.ready_to_train import write_ready_to_train
from ingest.source import SceneName, parse_name, reference_path

Form = Literal["raw", "raw-test-v1", "ready-to-train", "ready-to-train-test"]
"""`raw-test-v1`: first release of the test scenes, without charts. `ready-to-train-test`: charts in a file beside."""

FORMS: tuple[Form, ...] = get_args(Form)

_CHART = ("polygon_icechart", "polygon_codes")


def file_name(name: SceneName, form: Form) -> str:
    """Archive name of a scene in a form."""
    match form:
        case "raw":
            return name.file_name
        case "raw-test-v1":
            return name.file_name.replace(".nc", "_testdata.nc")
        case _:
            return f"{name.scene_id}_prep.nc"


def write_form(raw: Path, folder: Path, form: Form, *, original_id: str | None = None) -> Path:
    """Writes another form of a raw file of the generator; returns the path of the scene.

    Args:
        raw: Raw file.
        folder: Where the form goes, under its archive name; `ready-to-train-test` leaves its reference file there too.
        form: Which one.
        original_id: Archive name of the raw file, if `raw` has another one.
    """
    origin = original_id if original_id is not None else raw.name
    path = folder / file_name(parse_name(origin), form)
    # A name that no reader picks up: a killed run leaves no half file that looks whole.
    unfinished = path.with_name(path.name + ".part")
    try:
        match form:
            case "raw":
                write_encoded(raw, unfinished, Encoding())
            case "raw-test-v1":
                write_encoded(raw, unfinished, Encoding(), without=_CHART)
            case "ready-to-train":
                write_ready_to_train(raw, unfinished, origin)
            case "ready-to-train-test":
                write_ready_to_train(raw, unfinished, origin, reference=Path(reference_path(str(path))))
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(path)
    return path
