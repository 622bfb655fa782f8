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
echo "look at each of them before you commit it: git diff --stat $pictures"
