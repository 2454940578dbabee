"""The report: one page that stands alone, says where everything comes from, and works in a browser."""

import json
import re
import shutil
import subprocess
import tomllib
from html import unescape
from pathlib import Path

import pytest

from synctopo.executors import serial
from synctopo.pipeline import run
from synctopo.report import page, tables_of, write_all
from synctopo.store import code_version
from synctopo.study import Study
from synctopo.work import Plan, plan

STUDY = """
name = "tiny"
question = "Is 1 < 2 & <script>wrong.push('ran')</script> true of perceptrons?"
seeds = [0, 1]
data = { name = "digits", train = 60, test = 30 }
[defaults]
family = "mlp"
hidden = [12, 6]
[models.drawn]
[models."trained <b> & sons, with a name that is longer than most"]
learning = { rule = "adam", epochs = 2 }
[models.again]
[record]
sites = ["hidden1", "hidden2"]
[compare]
contrasts = [["drawn", "again"]]
"""

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Plan, Path, str]:
    """A finished study, its folder and its page."""
    root = tmp_path_factory.mktemp("tiny")
    planned = plan(Study.from_table(tomllib.loads(STUDY)))
    assert run(planned, root, serial, lambda *_: None) == ()
    write_all(planned, root)
    return planned, root, (root / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_is_what_was_written_and_the_same_again(made):
    planned, root, text = made
    assert page(planned, root) == text
    write_all(planned, root)
    assert (root / "report.html").read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_names_and_questions_are_text_and_nothing_comes_from_outside(made):
    _, _, text = made
    assert "Is 1 &lt; 2 &amp; &lt;script&gt;" in text
    assert "<b> & sons" not in text
    assert text.count("<script>") == 1
    assert not re.findall(r"(?:src|href|xlink:href)=\"(?!#|data:)", text)
    assert not re.findall(r"url\((?!#)|@import", text)


@pytest.mark.slow
def test_every_value_of_the_main_tables_stands_in_the_page(made):
    planned, root, text = made
    shown = unescape(re.sub(r"<[^>]+>", "\n", text))
    for table in tables_of(planned, root):
        if table.name != "tidy":
            assert table.title in shown
            assert all(str(cell).strip() in shown for cell in table.frame.to_numpy().ravel())


@pytest.mark.slow
def test_the_page_says_how_to_make_it_again_and_from_what_it_came(made):
    _, _, text = made
    plain = unescape(text)
    assert "synctopo run studies/tiny.toml" in plain
    assert code_version() in plain
    assert re.search(r"fingerprint <code>[0-9a-f]{16}", plain)
    assert "15 of 15 done" in plain
    assert '"train": 60' in plain
    assert "learning.rule = &#34;adam&#34;" in text


@pytest.mark.slow
def test_figures_take_the_colour_of_the_text_and_have_no_background(made):
    _, root, text = made
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawn) == len(list((root / "figures").glob("*.svg"))) == 3
    for svg in drawn:
        assert "currentColor" in svg
        assert "#000000" not in svg
        assert "#ffffff" not in svg
        assert "<metadata" not in svg


@pytest.mark.slow
def test_without_rows_there_is_no_report(tmp_path):
    planned = plan(Study.from_table(tomllib.loads(STUDY)))
    assert write_all(planned, tmp_path).places == {}
    with pytest.raises(ValueError, match=r"there are no rows of this study in .* yet \(rows of older .*\); run it first"):
        page(planned, tmp_path)


LISTEN = """<script>
var wrong = [];
window.onerror = function (message) { wrong.push(String(message)); };
console.error = function (message) { wrong.push(String(message)); };
</script>"""

ASK = """<pre id="found"></pre><script>
var body = document.querySelector("#models tbody");
var column = function (k) { return Array.from(body.rows).map(function (r) { return r.cells[k].textContent; }); };
var heads = document.querySelectorAll("#models th"), found = {};
found.heads = Array.from(heads).map(function (h) { return h.textContent; });
found.up = found.heads.map(function (_, k) { heads[k].firstChild.click(); return [column(k), heads[k].getAttribute("aria-sort")]; });
found.down = found.heads.map(function (_, k) {
  if (heads[k].getAttribute("aria-sort") !== "ascending") { heads[k].firstChild.click(); }
  heads[k].firstChild.click();
  return [column(k), heads[k].getAttribute("aria-sort")];
});
document.querySelectorAll("details").forEach(function (d) { d.open = true; });
found.width = [document.documentElement.scrollWidth, window.innerWidth];
found.requests = performance.getEntriesByType("resource").map(function (r) { return r.name; });
found.requests = found.requests.filter(function (name) { return !name.startsWith("data:"); });
found.ink = [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor];
found.figure = getComputedStyle(document.querySelector("svg use")).fill;
found.wrong = wrong;
document.getElementById("found").textContent = JSON.stringify(found);
</script></body>"""


def asked(text: str, folder: Path, *options: str) -> dict:
    """What a browser finds in the page after clicking on every heading of the first table."""
    file = folder / "asked.html"
    file.write_text(text.replace("<head>", "<head>" + LISTEN).replace("</body>", ASK), encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options]
    done = subprocess.run([*command, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    (answer,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(unescape(answer))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed (apt-get install chromium)")
@pytest.mark.parametrize(("size", "scheme"), [("1280,900", 1), ("500,900", 0)])
def test_in_a_browser_a_click_sorts_and_nothing_is_wider_than_the_page(made, tmp_path, size, scheme):
    found = asked(made[2], tmp_path, f"--window-size={size}", f"--blink-settings=preferredColorScheme={scheme}")
    assert found["wrong"] == []
    assert found["requests"] == []
    assert found["width"][0] <= found["width"][1]
    for (up, rising), (down, falling) in zip(found["up"], found["down"], strict=True):
        assert (rising, falling) == ("ascending", "descending")
        assert sorted(up) == sorted(down)
        for column, reverse in ((up, False), (down, True)):
            numbers = [float(cell.split()[0]) for cell in column if re.match(r"[-+]?\d", cell)]
            assert numbers == sorted(numbers, reverse=reverse)
            # what has no value stands last
            assert "" not in column[: len([c for c in column if c])]
    dark = scheme == 0
    assert found["ink"] == (["rgb(231, 233, 236)", "rgb(22, 24, 27)"] if dark else ["rgb(28, 31, 35)", "rgb(255, 255, 255)"])
    assert found["figure"] == found["ink"][0]
