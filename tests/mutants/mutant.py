"""`Mutant`: one small wrong change of the program, and the tests that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A change that somebody might make by mistake.

    Attributes:
        wrong: What would be wrong then, in a few words.
        file: That is changed.
        text: That stands in the file exactly once.
        instead: What stands there in the mutant.
        tests: Node ids that pytest takes, apart by blanks; one of these must fail.
    """

    wrong: str
    file: str
    text: str
    instead: str
    tests: str

    @property
    def room(self) -> str:
        """`training`, `ingest`, ..."""
        return self.file.partition("/")[0]

    def problem(self, source: str) -> str:
        """Why it cannot be made of this content of its file; empty where it can."""
        count = source.count(self.text)
        if count == 1:
            return ""
        found = "no longer stands in" if not count else f"stands {count} times in"
        return f"{self.wrong!r}: the text {self.text!r} {found} {self.file}: give the text of today, found once"

    def applied(self, source: str) -> str:
        """The file with the change."""
        return source.replace(self.text, self.instead)
