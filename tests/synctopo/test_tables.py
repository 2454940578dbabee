"""Tables: the numbers of the rows, and text that no format chokes on."""

import numpy as np
import pandas as pd
import pytest

from synctopo import tables
from synctopo.tables import FORMATS, Table, rendered

pytestmark = pytest.mark.smoke


def pair(a, b, seed_a, seed_b, value, site="hidden"):
    return {
        "kind": "pair",
        "condition_a": a,
        "condition_b": b,
        "seed_a": seed_a,
        "seed_b": seed_b,
        "site_a": site,
        "measure": "rtd",
        "value": value,
        "status": "ok" if value is not None else "silent",
    }


ROWS = [
    pair("x", "x", 0, 1, 1.0),
    pair("y", "y", 0, 1, 2.0),
    pair("x", "y", 0, 0, 9.0),
    pair("x", "y", 1, 1, 7.0),
    pair("x", "y", 0, 1, 4.0),
    pair("x", "y", 1, 0, 6.0),
]


def test_the_matrix_is_symmetric_and_leaves_out_pairs_of_one_seed():
    table = tables.matrix(ROWS, ["x", "y"], "rtd", "hidden")
    assert table.frame["x"].tolist() == ["1.00 (1)", "5.00 ± 1.41 (2)"]
    assert table.frame["y"].tolist() == ["5.00 ± 1.41 (2)", "2.00 (1)"]
    assert table.title.startswith("rtd ↓ at hidden")


def test_the_matrix_for_a_terminal_has_means_alone():
    frame = tables.means(ROWS, ["x", "y"], "rtd", "hidden").frame
    assert frame.iloc[0].tolist() == ["1  x", "1.0", "5.0"]
    assert frame.iloc[1].tolist() == ["2  y", "5.0", "2.0"]


def test_a_contrast_says_what_lies_between_conditions_beyond_what_lies_between_seeds():
    (line,) = tables.contrasts(ROWS, [("x", "y")], "rtd").frame.to_dict("records")
    assert line["same seed"] == "8.00 ± 1.41"
    assert (line["between"], line["within"], line["excess"]) == ("5.00", "1.50", "+3.50")
    assert line["p"].startswith("0.500")


def test_a_contrast_without_a_value_shows_its_status():
    rows = [pair("x", "y", 0, 1, None)]
    (line,) = tables.contrasts(rows, [("x", "y")], "rtd").frame.to_dict("records")
    assert line["p"] == "silent"


def test_a_mean_has_its_spread_and_one_value_has_none():
    assert tables.spread([1.0, 3.0], 1) == "2.0 ± 1.4"
    assert tables.spread([0.5], 1, 100) == "50.0"
    assert tables.spread([None, None], 1) == ""


NASTY = Table("a_b", "100 % of `x_1` ~ <b>&", pd.DataFrame({"50 % & more_": ["<script>", r"a\b", "x_1 ± 2 ~ #$^{}"]}))


def test_html_escapes_everything():
    text = rendered(NASTY, "html")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text


def test_latex_escapes_everything():
    text = rendered(NASTY, "latex")
    assert r"50 \% \& more\_" in text
    assert r"\textbackslash" in text
    assert r"100 \% of x\_1" in text
    assert "±" not in text
    assert r"\toprule" in text


def test_csv_and_markdown_hold_the_same_cells():
    assert rendered(NASTY, "csv").splitlines()[0] == "50 % & more_"
    assert "x_1 ± 2" in rendered(NASTY, "md")


def test_an_unknown_format_is_named():
    with pytest.raises(ValueError, match="no format 'latx'; the nearest is 'latex'"):
        rendered(NASTY, "latx")


def test_the_mean_matrix_of_missing_pairs_is_nan():
    assert np.isnan(tables.mean_matrix([], ["x"])).all()


def test_names_with_signs_of_the_format_are_escaped():
    table = Table("t", "a < b", pd.DataFrame([{"n|me": "[x] <b> a|b $1_2$ 5 ± 1"}]))
    assert r"{[}x] \textless{}b\textgreater{} a\textbar{}b \$1\_2\$ 5 $\pm$ 1" in rendered(table, "latex")
    assert r"n\|me" in rendered(table, "md")
    assert r"&lt;b> a\|b" in rendered(table, "md")
    assert "&lt;b&gt;" in rendered(table, "html")


def test_a_table_is_the_same_text_every_time():
    table = Table("t", "title", pd.DataFrame([{"a": "1"}]))
    for form in FORMATS:
        assert rendered(table, form) == rendered(table, form)
