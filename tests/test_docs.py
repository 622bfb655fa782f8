"""What the docs tell people to type works: their Python blocks run on a real lake, in order, in one namespace."""

import re
from pathlib import Path

from datasets.lake import Lake

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_recipes_of_the_lake_page_run(tiny_lake: Lake) -> None:
    found = blocks("docs/lake.md", "python")
    assert len(found) == 3
    namespace: dict[str, object] = {"lake": tiny_lake.url}
    for block in found:
        exec(compile(block, "docs/lake.md", "exec"), namespace)


def test_links_between_pages_lead_somewhere() -> None:
    pages = [path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))]
    assert {"README.md", "docs/design.md", "docs/feature_importance.md"} <= set(pages)
    for page in pages:
        folder = (ROOT / page).parent
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text()):
            assert (folder / target).exists(), f"{page} -> {target}"


def test_commands_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for module in set(re.findall(r"python -m ([a-z]+)", text)):
        assert (ROOT / module / "__main__.py").exists()
    for target in set(re.findall(r"\bmake ([a-z]+)", text)):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()
