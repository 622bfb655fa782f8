"""The same scene written in other encodings: how the archive stores its variables on disk is not documented."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import netCDF4
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a raw file stores what its readers see decoded.

    Attributes:
        chart: Type of polygon_icechart on disk; None keeps float32 with NaN.
        none: What an integer chart holds where there is no polygon.
        marked: Whether `none` is also its `_FillValue`.
        packed: Scale factor by variable: stored as int16 with an offset of -30 and the `_FillValue` -32768.
        types: Other type on disk by variable, for instance float32 tie points.
        codes: netCDF strings, or characters (polygon_codes, length) with or without a declared text encoding.
        pad: Written before every code number, as in older files (` 8`).
    """

    chart: Literal["u1", "u2", "u4", "i1", "i2", "i4", "f8"] | None = None
    none: int = 0
    marked: bool = False
    packed: dict[str, float] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    codes: Literal["string", "char", "bytes"] = "string"
    pad: str = ""


_OFFSET = -30.0
_PACKED_FILL = -32768


def write_encoded(source: Path, target: Path, encoding: Encoding, *, without: tuple[str, ...] = ()) -> None:
    """Copies a raw file with another encoding of its content.

    Args:
        source: Raw file of the generator.
        target: File to write.
        encoding: How to store it.
        without: Variables to leave out, and the dimensions that only they have.
    """
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(target, "w") as new:
        old.set_auto_mask(False)
        new.setncatts({name: old.getncattr(name) for name in old.ncattrs()})
        kept = {name: variable for name, variable in old.variables.items() if name not in without}
        used = {dim for variable in kept.values() for dim in variable.dimensions}
        # Another order than in `source`: readers must go by names.
        for name in sorted(used):
            new.createDimension(name, old.dimensions[name].size)
        for name, variable in kept.items():
            if name == "polygon_codes":
                made = _write_codes(new, variable[:], encoding)
            elif name == "polygon_icechart" and encoding.chart is not None:
                made = _write_chart(new, variable[:], encoding, encoding.chart)
            elif name in encoding.packed:
                made = _write_packed(new, name, variable.dimensions, variable[:], encoding.packed[name])
            else:
                kind = encoding.types.get(name, variable.dtype)
                made = new.createVariable(name, kind, variable.dimensions, zlib=True, complevel=1)
                made[:] = variable[:]
            made.setncatts({key: variable.getncattr(key) for key in variable.ncattrs()})


def _write_codes(file: netCDF4.Dataset, rows: NDArray[Any], encoding: Encoding) -> "netCDF4.Variable[Any]":
    texts = [rows[0], *(";".join(_padded(code, encoding.pad) for code in row.split(";")) for row in rows[1:])]
    if encoding.codes == "string":
        variable = file.createVariable("polygon_codes", str, ("polygon_codes",))
        variable[:] = np.array(texts, dtype=object)
        return variable
    content = np.array([text.encode() for text in texts])
    file.createDimension("string_length", content.itemsize)
    variable = file.createVariable("polygon_codes", "S1", ("polygon_codes", "string_length"))
    if encoding.codes == "char":
        variable.setncattr("_Encoding", "utf-8")
    variable.set_auto_chartostring(False)
    variable[:] = netCDF4.stringtochar(content)
    return variable


def _padded(code: str, pad: str) -> str:
    return pad + code if code.isdigit() else code


def _write_chart(file: netCDF4.Dataset, ids: NDArray[Any], encoding: Encoding, dtype: str) -> "netCDF4.Variable[Any]":
    variable: netCDF4.Variable[Any] = file.createVariable(
        "polygon_icechart",
        dtype,
        ("sar_lines", "sar_samples"),
        zlib=True,
        complevel=1,
        fill_value=encoding.none if encoding.marked else None,
    )
    variable.set_auto_maskandscale(False)
    variable[:] = np.where(np.isnan(ids), encoding.none, np.nan_to_num(ids).astype(np.int64)).astype(dtype)
    return variable


def _write_packed(
    file: netCDF4.Dataset, name: str, dims: tuple[str, ...], values: NDArray[Any], scale: float
) -> "netCDF4.Variable[Any]":
    variable = file.createVariable(name, "i2", dims, zlib=True, complevel=1, fill_value=_PACKED_FILL)
    variable.set_auto_maskandscale(False)
    steps = np.rint((values.astype(np.float64) - _OFFSET) / scale)
    variable[:] = np.where(np.isnan(steps), _PACKED_FILL, steps).astype(np.int16)
    variable.setncatts({"scale_factor": scale, "add_offset": _OFFSET})
    return variable
