#!/usr/bin/env python
"""Fills the ${NAMES} of a file of this folder from the environment and prints the result. Needs only Python.

    set -a; source .env; set +a
    python infra/render.py infra/ray/aws.yaml > aws.yaml

Only ${NAMES} in capitals: what a shell on the cluster fills in ($RAY_HEAD_IP) or AWS does (${aws:username}) stays.
A name that is not set, or empty, is an error, and nothing is printed then.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def render(text: str, values: Mapping[str, str]) -> str:
    """Returns the text with every name filled in; comments keep theirs.

    Raises:
        KeyError: Names without a value, all of them.
    """
    lines = text.splitlines(keepends=True)
    wanted = {name for line in lines if not _is_comment(line) for name in NAME.findall(line)}
    missing = sorted(name for name in wanted if not values.get(name))
    if missing:
        raise KeyError(*missing)
    return "".join(line if _is_comment(line) else NAME.sub(lambda match: values[match[1]], line) for line in lines)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def main(words: list[str]) -> int:
    """Prints the file; exit code 2 with one sentence where that is not possible."""
    if len(words) != 1 or words[0].startswith("-"):
        print("usage: python infra/render.py FILE > RESULT", file=sys.stderr)
        return 2
    try:
        sys.stdout.write(render(Path(words[0]).read_text(), os.environ))
    except OSError as error:
        print(f"{words[0]!r} cannot be read ({error.strerror}): give a file of infra/", file=sys.stderr)
        return 2
    except KeyError as error:
        names = ", ".join(error.args)
        print(
            f"{words[0]} needs {names}, which the environment does not have: infra/env.example says what they are",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
