#!/usr/bin/env bash
# Draws the pictures of README and docs anew, by the commands that the pages show: types the whole tour in a new folder,
# and copies what it drew. Ten minutes on two cores: bash docs/pictures.sh FOLDER (run by `make pictures`).
set -euo pipefail

folder=${1:?give a new folder for scenes, lake and results}
[ ! -e "$folder" ] || { echo "$folder is there: move it away, pictures of an earlier program would stay" >&2; exit 2; }
pictures=docs/pictures
scene=20190206T205417_dmi

awk '/^```bash$/ {on = 1; next} /^```$/ {on = 0} on' docs/tour.md | grep -v '^source \|^mlflow ui' |
  sed "s#data/tour#$folder#g" | bash -euxo pipefail
python -m datasets show "$folder/lake" --png $pictures/lake.png
python -m datasets show "$folder/lake" $scene --map --png $pictures/scene_on_map.png
cp "$folder/scene.png" "$folder/scene_chart_prediction.png" $pictures
cp "$folder/trial/maps/${scene}_SOD.png" $pictures/map.png
cp "$folder/report/figures/scores.png" $pictures/scores.png
python - $pictures/*.png <<'EOF'
# Smaller, for git: at most 1700 pixels wide, in 256 colours: those of all classes, greys, and the commonest.
import sys

import numpy as np
from PIL import Image

from datasets.class_colours import class_colours
from datasets.labels import CHARTS

classes = np.array([list(bytes.fromhex(c[1:])) for chart in CHARTS.values() for c in class_colours(chart)], np.uint8)
greys = np.repeat(np.linspace(0, 255, 64).round().astype(np.uint8)[:, None], 3, axis=1)

for path in sys.argv[1:]:
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((1700, 1700), Image.Resampling.BILINEAR)
    colours, places, counts = np.unique(
        np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    common = colours[np.ptp(colours, axis=1) > 0][np.argsort(-counts[np.ptp(colours, axis=1) > 0])]
    palette = np.concatenate([classes, greys, common])[:256]
    nearest = [np.abs(palette.astype(int) - colour).sum(axis=1).argmin() for colour in colours]
    small = Image.fromarray(np.array(nearest, np.uint8)[places].reshape(picture.height, picture.width), "P")
    small.putpalette(palette.tobytes())
    small.save(path, optimize=True)
EOF
echo "look at each of them before you commit it: git diff --stat $pictures"
