"""A record is one line of a journal, and a line that is not whole is no record."""

import math

from hypothesis import given
from hypothesis import strategies as st

from training.tracking.records import (
    DatasetRecord,
    FileRecord,
    FinishRecord,
    MetricsRecord,
    ParamsRecord,
    Record,
    StartRecord,
    TagsRecord,
    TextRecord,
    from_line,
    to_line,
)
from training.tracking.tracker import DatasetNote

text = st.text(max_size=20)
note = DatasetNote(name="lake", url="/lake", digest="d", recipe="r", context="val", scenes=1, profile={"a": [1, None]})
any_record = st.one_of(
    st.builds(StartRecord, time=st.integers(), attempt=text, tags=st.dictionaries(text, text)),
    st.builds(ParamsRecord, values=st.dictionaries(text, text)),
    st.builds(MetricsRecord, time=st.integers(), step=st.integers(), values=st.dictionaries(text, st.floats())),
    st.builds(TagsRecord, time=st.integers(), values=st.dictionaries(text, text)),
    st.builds(FileRecord, kept=text, folder=text, size=st.integers()),
    st.builds(TextRecord, name=text, text=text),
    st.just(DatasetRecord(note=note)),
    st.builds(FinishRecord, time=st.integers(), status=st.sampled_from(["FINISHED", "FAILED", "KILLED"])),
)


@given(record=any_record)
def test_a_line_is_one_record(record: Record) -> None:
    line = to_line(record)
    assert line.count(b"\n") == 1
    assert line.splitlines(keepends=True) == [line]
    assert repr(from_line(line)) == repr(record)  # repr: NaN does not equal itself


@given(record=any_record, data=st.data())
def test_a_cut_or_damaged_line_is_no_record(record: Record, data: st.DataObject) -> None:
    line = to_line(record)
    cut = data.draw(st.integers(0, len(line) - 1))
    assert from_line(line[:cut]) is None
    place = data.draw(st.integers(0, len(line) - 1))
    damaged = bytearray(line)
    damaged[place] ^= data.draw(st.integers(1, 255))
    assert from_line(bytes(damaged)) is None


def test_not_a_number_survives() -> None:
    record = from_line(to_line(MetricsRecord(time=0, step=0, values={"a": math.nan, "b": math.inf, "c": -math.inf})))
    assert isinstance(record, MetricsRecord)
    assert math.isnan(record.values["a"])
    assert (record.values["b"], record.values["c"]) == (math.inf, -math.inf)
