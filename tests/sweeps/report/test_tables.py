"""Tables as text, whatever is in them."""

import pandas as pd

from sweeps.report.tables import ReportTable


def test_latex_is_escaped_and_has_rules() -> None:
    table = ReportTable(
        name="t",
        title="a_b",
        header=("model_name", "F1 [%]"),
        rows=(("a_b & 50% #1 {x} ~ \\", "1.0 ± 0.1"), ("R²", "−2.0")),
        words=1,
        numbers=pd.DataFrame(),
    )
    lines = table.to_latex().splitlines()
    assert lines[:3] == ["% a_b", r"\begin{tabular}{lr}", r"\toprule"]
    assert lines[3] == r"model\_name & F1 [\%] \\"
    assert lines[5] == r"a\_b \& 50\% \#1 \{x\} \textasciitilde \space \textbackslash  & 1.0 $\pm$ 0.1 \\"
    assert lines[6] == r"R$^2$ & $-$2.0 \\"
    assert lines[7] == r"\bottomrule"


def test_markdown_keeps_its_columns_whatever_is_in_a_cell() -> None:
    table = ReportTable(name="t", title="t", header=("a",), rows=(("x | y",),), words=1, numbers=pd.DataFrame())
    assert r"| x \| y |" in table.to_markdown()
