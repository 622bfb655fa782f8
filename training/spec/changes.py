"""Changes of a spec as they are typed: `--set data.ratio=5`."""

from collections.abc import Sequence

import yaml

from training.spec.errors import SpecError


def parse_changes(given: Sequence[str]) -> dict[str, object]:
    """`NAME=VALUE` texts by name, for `TrialSpec.with_all`; values are read as YAML.

    Raises:
        SpecError: One is not of that form, or its value is no YAML.
    """
    values: dict[str, object] = {}
    for change in given:
        name, equals, text = change.partition("=")
        if not equals:
            raise SpecError(f"--set {change!r} is not NAME=VALUE: write for example --set data.ratio=5")
        try:
            values[name.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SpecError(
                f"--set {change!r} has a value that is no YAML: quote it, or write a list as [1, 2]"
            ) from error
    return values
