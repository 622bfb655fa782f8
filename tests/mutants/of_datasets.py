"""What can go wrong between the lake and what a network is given."""

from typing import Final

from tests.mutants.killers import INPUTS, SETS, STATISTICS, WINDOWS, row
from tests.mutants.mutant import Mutant

DATASETS: Final = "tests/datasets"
CHANNELS: Final = f"{INPUTS}::test_every_channel_of_a_scene_is_the_stored_one_at_its_place"

LOADING: Final = (
    Mutant(
        "the month is not normalized",
        "datasets/loading/assemble.py",
        "self._scene.normalized(batch.month[:, None, None, None])",
        "batch.month[:, None, None, None]",
        CHANNELS,
    ),
    Mutant(
        "coarse cells are stepped through as at 40 m",
        "datasets/loading/assemble.py",
        "ratio / KM2_PIXELS",
        "1 / KM2_PIXELS",
        f"{DATASETS}/loading/test_assemble.py",
    ),
    Mutant(
        "two recipes of one scene share a node's cache",
        "datasets/loading/decoded_scenes.py",
        "record.recipe, record.fingerprint, *names",
        "record.fingerprint, *names",
        f"{INPUTS}::test_one_scene_in_two_recipes_on_one_cache",
    ),
    Mutant(
        "a scene that was built again is read as it was",
        "datasets/loading/decoded_scenes.py",
        "record.recipe, record.fingerprint, *names",
        "record.recipe, *names",
        f"{INPUTS}::test_a_scene_of_other_content_on_one_cache",
    ),
    Mutant(
        "coarse cells begin at the first pixel",
        "datasets/loading/scene_reader.py",
        "offset = (starts[0] - first[0], starts[1] - first[1])",
        "offset = (0.0, 0.0)",
        f"{DATASETS}/loading/test_scene_reader.py {DATASETS}/loading/test_assemble.py",
    ),
    Mutant(
        "every ratio is normalized with the moments of ratio 2",
        "datasets/loading/normalize.py",
        'f"r{ratio}", "km2"',
        '"r2", "km2"',
        STATISTICS,
    ),
    Mutant(
        "deviations are always over all pixels",
        "datasets/loading/normalize.py",
        "_scene_std(row, lake) if scene_average else row.std",
        "row.std",
        STATISTICS,
    ),
    Mutant(
        "the month has another mean",
        "datasets/loading/normalize.py",
        "mean=6.5",
        "mean=6.0",
        STATISTICS,
    ),
    Mutant(
        "the first ring of the sea is land",
        "datasets/loading/windows.py",
        "MOSTLY_LAND: Final = 0.5",
        "MOSTLY_LAND: Final = 1.5",
        f"{DATASETS}/loading/test_windows.py",
    ),
    Mutant(
        "pixels far from a border are the near ones",
        "datasets/loading/windows.py",
        "~(distance_to_border >= metres)",
        "~(distance_to_border <= metres)",
        f"{DATASETS}/loading/test_windows.py",
    ),
    Mutant(
        "crops never reach the last line",
        "datasets/loading/windows.py",
        "max(length - size, 0) + 1",
        "max(length - size, 1)",
        "tests/wires/test_crops.py",
    ),
    Mutant(
        "every process gets the same patches",
        "datasets/loading/batches.py",
        "range(first + self.rank, first + self.batch_size, self.world)",
        "range(first, first + self.batch_size, self.world)",
        f"{DATASETS}/loading/test_batches.py::test_processes_share_the_patches_of_a_batch",
    ),
    Mutant(
        "every epoch has the same batches",
        "datasets/loading/batches.py",
        "self._sampler.epoch = number",
        "self._sampler.epoch = 0",
        WINDOWS,
    ),
)

RESIDENT: Final = (
    Mutant(
        "resident scenes ignore the distance to borders",
        "datasets/loading/resident.py",
        "border_distance=self._border_distance)",
        "border_distance=0.0)",
        f"{DATASETS}/loading/test_device_batches.py",
    ),
    Mutant(
        "the device takes the last good candidate",
        "datasets/loading/device_batches.py",
        "good[has_one].argmax(axis=1)",
        "good.shape[1] - 1 - good[has_one][:, ::-1].argmax(axis=1)",
        f"{DATASETS}/loading/test_device_batches.py",
    ),
    Mutant(
        "land pixels are counted for no rule",
        "datasets/loading/device_batches.py",
        "land=self._source.judges_land",
        "land=False",
        f"{DATASETS}/loading/test_device_batches.py",
    ),
    Mutant(
        "each process takes the first patches of a batch",
        "datasets/loading/device_batches.py",
        "range(batch * self.batch_size + self.rank,",
        "range(batch * self.batch_size,",
        f"{DATASETS}/loading/test_device_batches.py",
    ),
    Mutant(
        "what lies beyond a resident scene is its last line again",
        "datasets/loading/gather.py",
        "found.masked_fill_((lines_NH[:, :, None] | samples_NW[:, None])[:, None], fill)",
        "pass",
        f"{DATASETS}/loading/test_gather.py",
    ),
    Mutant(
        "coarse cells of a resident scene begin a line too late",
        "datasets/loading/gather.py",
        "(rows_Nh * own[:, 1:])[:, None]",
        "((rows_Nh + 1) * own[:, 1:])[:, None]",
        f"{DATASETS}/loading/test_gather.py",
    ),
)

PATCHES: Final = (
    Mutant(
        "crops do not depend on the seed",
        "datasets/patches/crops.py",
        "np.random.default_rng((self.seed, epoch, place))",
        "np.random.default_rng((epoch, place))",
        WINDOWS,
    ),
    Mutant(
        "the pool of crops does not depend on the seed",
        "datasets/patches/crops.py",
        "(self.seed, int(rng.integers(self.pool)))",
        "(0, int(rng.integers(self.pool)))",
        SETS,
    ),
    Mutant(
        "a crop needs a label in every chart at once",
        "datasets/patches/crops.py",
        "known |= others != IGNORE",
        "known &= others != IGNORE",
        "tests/wires/test_crops.py",
    ),
    Mutant(
        "crops of the labels near a border are kept",
        "datasets/loading/scene_reader.py",
        "found = np.where(near, np.uint8(IGNORE), found)",
        "found = np.where(near, found, found)",
        f"{DATASETS}/patches/test_crops.py",
    ),
    Mutant(
        "unlabelled windows are pure",
        "datasets/patches/patch_rules.py",
        "& (first[:, samples] != IGNORE)",
        "",
        f"{DATASETS}/patches/test_patch_rules.py",
    ),
    Mutant(
        "a window is pure along its first line",
        "datasets/patches/patch_rules.py",
        " & (down == 0)",
        "",
        f"{DATASETS}/patches/test_patch_rules.py",
    ),
    Mutant(
        "a patch with just the allowed share of land is refused",
        "datasets/patches/patch_rules.py",
        "size**2 <= rule.max_land",
        "size**2 < rule.max_land",
        f"{DATASETS}/patches/test_patch_rules.py",
    ),
    Mutant(
        "every seed has the same order of patches",
        "datasets/patches/indexed_patches.py",
        "np.random.default_rng((source.seed, epoch))",
        "np.random.default_rng((0, epoch))",
        WINDOWS,
    ),
    Mutant(
        "every epoch has the same order of patches",
        "datasets/patches/indexed_patches.py",
        "np.random.default_rng((source.seed, epoch))",
        "np.random.default_rng((source.seed, 0))",
        WINDOWS,
    ),
    Mutant(
        "max_patches takes the first windows of the first scenes",
        "datasets/patches/patch_index.py",
        "order = np.random.default_rng(seed).permutation(len(self))",
        "order = np.arange(len(self))",
        f"{DATASETS}/patches/test_patch_index.py",
    ),
    Mutant(
        "patches of all scenes are read from the first",
        "datasets/patches/patch_index.py",
        "part.scene + np.int32(offset)",
        "part.scene",
        f"{DATASETS}/patches/test_patch_index.py",
    ),
)

LAKE: Final = (
    Mutant(
        "training scenes on the pass of a test scene are trained on",
        "datasets/splits.py",
        "if orbit_pass in tested:",
        "if False:",
        f"{DATASETS}/test_splits.py",
    ),
    Mutant(
        "scenes without a chart are trained on",
        "datasets/splits.py",
        'None if charted else "without a chart"',
        "None",
        f"{DATASETS}/test_splits.py",
    ),
    Mutant(
        "the draw of the split has no seed",
        "datasets/splits.py",
        "np.random.default_rng(seed).permutation(len(names))",
        "range(len(names))",
        f"{DATASETS}/test_splits.py",
    ),
    Mutant(
        "the validation set ignores locations",
        "datasets/splits.py",
        "(passes[name][0].season, passes[name][0].location)",
        "(passes[name][0].season, passes[name][0].season)",
        f"{DATASETS}/test_splits.py",
    ),
    Mutant(
        "scenes of any cryoseason are known",
        "datasets/catalog.py",
        "found.having(name, each) for each in CRYOSEASONS",
        "np.ones(len(found), np.bool_) for each in CRYOSEASONS",
        row("data.val.cryoseason"),
    ),
    Mutant(
        "one property of a cell is enough",
        "datasets/catalog.py",
        "found = found.take(found.having(name, value))",
        "found = self.take(self.having(name, value))",
        f"{DATASETS}/test_catalog.py",
    ),
    Mutant(
        "December is fall",
        "datasets/seasons.py",
        "stopped.month % 12 // 3",
        "(stopped.month - 1) // 3",
        f"{DATASETS}/test_seasons.py",
    ),
    Mutant(
        "the digest of a lake does not know its scenes",
        "datasets/lake.py",
        "return digest_of_rows(self.recipe_digest, rows)",
        "return digest_of_rows(self.recipe_digest, [len(list(rows))])",
        "tests/wires/test_lake.py::test_the_digest_of_a_lake_knows_its_split",
    ),
    Mutant(
        "seasons are carried to a scene elsewhere",
        "datasets/season_updates.py",
        "and (record.acquired, record.bbox) == (row.acquired, row.bbox)",
        "",
        "tests/ingest/melt/test_assign.py",
    ),
    Mutant(
        "latitude and longitude of windows are exchanged",
        "datasets/tie_grid.py",
        "[TIE_CHANNELS.index(name) for name in names]",
        "[TIE_CHANNELS.index(name) for name in (*names[:-2], *names[:-3:-1])]",
        CHANNELS,
    ),
    Mutant(
        "latitude and longitude of tie points are exchanged",
        "datasets/tie_grid.py",
        "for name in (LATITUDE, LONGITUDE, INCIDENCE):\n            values",
        "for name, of in ((LONGITUDE, LATITUDE), (LATITUDE, LONGITUDE), (INCIDENCE, INCIDENCE)):\n"
        '            points = {**points, f"sar_grid_{name[4:]}": points[f"sar_grid_{of[4:]}"]}\n            values',
        "tests/ingest/test_geometry.py tests/ingest/test_scene_arrays.py",
    ),
    Mutant(
        "blocks have their centre at their first pixel",
        "datasets/grids.py",
        "* ratio + (ratio - 1) / 2",
        "* ratio",
        f"{DATASETS}/test_grids.py",
    ),
    Mutant(
        "cells of 2 km have their centre half a pixel on",
        "datasets/grids.py",
        "(positions - (KM2_PIXELS - 1) / 2)",
        "(positions - KM2_PIXELS / 2)",
        f"{DATASETS}/test_grids.py",
    ),
    Mutant(
        "packed values are cut instead of rounded",
        "datasets/stores/packing.py",
        "np.rint(strip, out=strip)",
        "np.trunc(strip, out=strip)",
        f"{DATASETS}/stores/test_packing.py",
    ),
    Mutant(
        "no data is read as a value",
        "datasets/stores/packing.py",
        "out[stored == self.fill] = np.nan",
        "pass",
        f"{DATASETS}/stores/test_packing.py",
    ),
    Mutant(
        "a polygon is named by its smallest part",
        "datasets/sigrid.py",
        "largest = max(range(3),",
        "largest = min(range(3),",
        f"{DATASETS}/test_sigrid.py",
    ),
    Mutant(
        "the dominance of stages counts for floes",
        "datasets/sigrid.py",
        "floes, dominance.FLOE)",
        "floes, dominance.SOD)",
        f"{DATASETS}/test_sigrid.py",
    ),
    Mutant(
        "ids without a code row are not counted as dropped",
        "datasets/chart_rasters.py",
        'polygons.reasons.get(polygon, frozenset({"no_row"}))',
        "polygons.reasons.get(polygon, frozenset())",
        f"{DATASETS}/test_chart_rasters.py",
    ),
)

MUTANTS: Final = (*LOADING, *RESIDENT, *PATCHES, *LAKE)
