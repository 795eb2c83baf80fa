"""ro-crate-preview.html: what a person who opens a crate sees first."""

from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from mlplab.crate.provenance import Crate
from mlplab.study.tables import TABLES

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; }}
:root {{ color-scheme: light dark; }}
</style>
<h1>{title}</h1>
<p>{facts}</p>
<h2>What was found</h2>
<ul>{found}</ul>
<h2>What is in this crate</h2>
<ul>{files}</ul>
<h2>Run it again</h2>
<pre>mlplab reproduce CRATE</pre>
</html>
"""


def preview(crate: Crate) -> str:
    """The page, as HTML that needs nothing but the files beside it."""
    who = f" by {crate.ran_by.name}" if crate.ran_by else ""
    facts = (
        f"Run{who} with {crate.citation.title} {crate.citation.version}, finished "
        f"{crate.published[:10]}: runs {len(crate.study.runs)}, jobs {len(crate.jobs)}; data "
        f"{crate.study.manifest.title} ({crate.study.manifest.license})."
    )
    return PAGE.format(
        title=escape(f"The study {crate.study.name}"),
        facts=escape(facts),
        found="".join(f"\n<li>{escape(sentence)}" for sentence in crate.sentences),
        files="".join(f"\n<li>{line}" for line in _files(crate)),
    )


def _files(crate: Crate) -> Iterator[str]:
    folder = crate.study.folder
    yield _line(f"{folder}/report.html", "the study on one page: begin here")
    yield _line("checklist.md", "what a reviewer asks, answered by the study")
    yield _line(f"{folder}/config.yaml", "the configuration, with all defaults")
    for table in TABLES:
        yield _line(f"{folder}/tables/{table.name}.csv", table.caption)
    yield _line("ro-crate-metadata.json", "every job, every file and its SHA-256, for programs")
    yield _line("croissant.json", "the data set, for programs")
    yield _line("sbom.cdx.json", "the packages, for programs")
    yield _line("CITATION.cff", "how to cite the software")


def _line(path: str, what: str) -> str:
    return f'<a href="{quote(path)}">{escape(path)}</a>: {escape(what)}'
