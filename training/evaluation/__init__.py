"""From a trained network to scores: whole scenes by tiles, confusion matrices, metrics, class maps as files."""
