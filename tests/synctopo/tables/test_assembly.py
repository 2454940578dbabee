"""Tables: the numbers of the rows, and text that no format chokes on."""

import numpy as np
import pandas as pd
import pytest

from synctopo import tables
from synctopo.tables import FORMATS, Table, rendered
from synctopo.tables.pivots import calibrated

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


def similarity(a, b, seed_a, seed_b, value, p=None):
    row = pair(a, b, seed_a, seed_b, value) | {"measure": "cka", "closer": "higher", "identical": 1.0, "p": p}
    return row | ({"permutations": 199} if p is not None else {})


CKA = [similarity(a, b, s, t, 0.9 if a == b else 0.3) for a, b in ("xx", "yy", "xy") for s in range(6) for t in range(6) if a != b or s < t]


def test_of_a_similarity_less_is_further_apart():
    (line,) = tables.contrasts(CKA, [("x", "y")], "cka").frame.to_dict("records")
    assert (line["between"], line["within"], line["excess"]) == ("0.300", "0.900", "+0.600")
    assert line["p"] == "0.031 (smallest possible)"
    assert line["q"] == "0.031*"


def test_no_star_where_the_seeds_cannot_reach_it_and_the_title_says_so():
    few = [r for r in CKA if max(r["seed_a"], r["seed_b"]) < 3]
    table = tables.layers(few, [("x", "y")], "cka")
    assert table.frame["hidden"].tolist() == ["+0.600 (0.25)"]
    assert "with 3 seeds p cannot fall below 0.25, so nothing can reach 0.05" in table.title
    assert tables.layers(CKA, [("x", "y")], "cka").frame["hidden"].tolist() == ["+0.600 (0.03)*"]


def test_many_contrasts_are_corrected_together():
    rows = [*CKA, *({**r, "site_a": f"null{k}"} | {"value": 0.5} for k in range(9) for r in CKA)]
    table = tables.layers(rows, [("x", "y")], "cka")
    assert table.frame["hidden"].tolist() == ["+0.600 (0.03)"]


def test_the_nearest_other_condition_is_bold():
    rows = [*ROWS, pair("x", "z", 0, 1, 1.5), pair("y", "z", 0, 1, 8.0), pair("z", "z", 0, 1, 1.0)]
    table = tables.matrix(rows, ["x", "y", "z"], "rtd", "hidden")
    assert table.best == {(0, 3), (1, 1), (2, 1)}
    assert "| x  | 1.00 (1)" in rendered(table, "md")
    assert "**1.50 (1)**" in rendered(table, "md")


def test_a_cell_that_cannot_be_told_from_chance_has_a_dagger():
    rows = [similarity("x", "y", s, 1 - s, 0.1, p) for s, p in ((0, 0.4), (1, 0.6))] + [similarity("x", "x", 0, 1, 0.9, 0.005)]
    table = tables.matrix(rows, ["x", "y"], "cka", "hidden")
    assert table.frame["x"].tolist() == ["0.900 (1)", "0.100 ± 0.000 (2)†"]
    assert "†: not to be told from chance" in table.title


def test_measures_stand_side_by_side_with_their_directions():
    table = tables.measures([*ROWS, *CKA], ["x", "y"], "hidden")
    assert list(table.frame.columns) == ["", "rtd ↓", "cka ↑"]
    assert table.frame[""].tolist() == ["x ~ y", "x, between seeds", "y, between seeds"]
    assert table.frame["cka ↑"].tolist() == ["0.300 ± 0.000 (30)", "0.900 ± 0.000 (15)", "0.900 ± 0.000 (15)"]


def test_differences_over_seeds_have_the_p_of_a_sign_flip_test():
    rows = [
        {"kind": "model", "condition": c, "seed": s, "classes": 10, "readout_accuracy": 0.5 + 0.1 * (c == "y") + 0.01 * s}
        for c in "xy"
        for s in range(6)
    ]
    (line,) = tables.performance(rows, [("x", "y")], tables.PERFORMANCE).frame.to_dict("records")
    assert line == {"contrast": "x → y", "read-out accuracy (%)": "10.0 ± 0.0 (0.03)*"}
    assert tables.performance(rows[:1], [("x", "y")], tables.PERFORMANCE) is None


def test_the_tidy_table_has_corrected_p_and_ceilings():
    rows = [similarity("x", "y", 0, 1, 0.3, 0.01), similarity("x", "x", 0, 1, 0.9, 0.02), similarity("y", "y", 0, 1, 0.7, 0.5)]
    frame = tables.tidy(rows)
    assert frame.q.tolist() == pytest.approx([0.03, 0.03, 0.5])
    assert frame.ceiling_lower[0] == pytest.approx(0.8)
    assert frame.ceiling_upper[0] == pytest.approx((0.95 + 0.85) / 2)
    assert list(frame.columns[:3]) == ["condition_a", "seed_a", "site_a"]


def test_where_steps_are_kept_the_tables_are_of_the_last_one():
    rows = [{**r, "time_a": t, "time_b": t} for r in ROWS for t in (0, 4)]
    names = [t.name for t in tables.study_tables([*rows, {"kind": "model", "condition": "x", "seed": 0, "classes": 2}], ["x", "y"], [])]
    assert "rtd_hidden@4" in names
    assert "rtd_hidden@0" not in names


def test_where_steps_were_kept_a_contrast_has_its_course_over_time_and_the_rest_speaks_of_the_last_step():
    timed = [{**r, "time_a": t, "time_b": t, "value": r["value"] * (t + 1)} for t in range(40) for r in ROWS]
    model = {"kind": "model", "condition": "x", "seed": 0, "classes": 2}
    found = {t.name: t for t in tables.study_tables([model, *timed], ["x", "y"], [("x", "y")])}
    course = found["rtd_time"]
    assert "at hidden, step by step (12 of 40 steps)" in course.title
    assert list(course.frame.columns)[:2] == ["contrast", "step 0"]
    assert list(course.frame.columns)[-1] == "step 39"
    assert course.frame["step 0"][0].startswith("+3.50 ")
    assert course.frame["step 39"][0].startswith("+140.00 ")
    assert list(found["rtd_layers"].frame.columns) == ["contrast", "hidden@39"]
    assert found["rtd_hidden@39"].frame["x"][0] == "40.00 (1)"
    assert len(found) == 5


def test_a_value_stands_between_chance_and_identity_whatever_its_scale():
    rows = [{**pair(a, b, 0, 1, 40.0, "late"), "calibrated": place} for a, b, place in (("x", "x", 0.9), ("x", "y", 0.25), ("y", "y", 0.8))]
    table = calibrated(rows, ["x", "y"], "rtd", "late")
    assert table.frame.to_dict("records") == [{"": "x", "x": "0.90", "y": "0.25"}, {"": "y", "x": "0.25", "y": "0.80"}]
    assert calibrated([{**r, "calibrated": None} for r in rows], ["x", "y"], "rtd", "late") is None
