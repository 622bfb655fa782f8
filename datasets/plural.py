"""Counts in messages, on pages and in reports: `1 scene`, `2 scenes`."""


def plural(count: int, word: str, several: str = "") -> str:
    """`1 seed`, `2 seeds`; with `several` for words that take no s."""
    return f"{count} {noun(count, word, several)}"


def noun(count: float, word: str, several: str = "") -> str:
    """The word alone, where its count is written in another way: `seed` of 1, `seeds` of 2."""
    return word if count == 1 else several or f"{word}s"
