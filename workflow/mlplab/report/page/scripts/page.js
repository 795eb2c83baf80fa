// The page can be read without this file; with it, tables can be sorted and filtered.
"use strict";

function compare(a, b, numeric) {
  return numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, column, direction) {
  const body = table.tBodies[0];
  const key = (row) => {
    const cell = row.cells[column];
    return "none" in cell.dataset ? undefined : cell.dataset.key ?? cell.textContent.trim();
  };
  const rows = Array.from(body.rows);
  const numeric = rows.every((row) => key(row) === undefined || !Number.isNaN(Number(key(row))));
  rows.sort((a, b) => {
    // What has no number comes last in both directions.
    const missing = (key(a) === undefined) - (key(b) === undefined);
    if (missing || key(a) === undefined) return missing;
    return direction * compare(key(a), key(b), numeric);
  });
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = Array.from(table.querySelectorAll("th[data-sortable]"));
  for (const heading of headings) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortBy(table, heading.cellIndex, ascending ? 1 : -1);
    });
  }
}

// A row is shown where each sought word begins a word of its cells: relu finds no prelu.
function filterBy(table, sought) {
  const split = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const words = split(sought);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const own = Array.from(row.cells).flatMap((cell) => split(cell.textContent));
    row.hidden = !words.every((word) => own.some((text) => text.startsWith(word)));
    shown += !row.hidden;
  }
  return shown;
}

for (const table of document.querySelectorAll("table[data-filter]")) {
  const all = table.tBodies[0].rows.length;
  const label = document.createElement("label");
  const input = document.createElement("input");
  const amount = document.createElement("output");
  const bar = document.createElement("p");
  input.type = "search";
  input.autocomplete = "off";
  input.placeholder = table.dataset.filter || "such as relu";
  label.append("Filter the rows by words ", input);
  amount.textContent = `${all} rows`;
  bar.className = "filter";
  bar.append(label, amount);
  input.addEventListener("input", () => {
    amount.textContent = `${filterBy(table, input.value)} of ${all} rows`;
  });
  table.parentElement.before(bar);
}

// A figure that is wider than its box is moved with the keyboard as well.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  }
});
for (const picture of document.querySelectorAll(".picture")) sizes.observe(picture);

// What starts when a reader comes near it grows: where a link has led stays in place until the reader moves on.
function land(target, behavior = "auto") {
  target.scrollIntoView({ behavior });
  const moved = new AbortController();
  let size = document.body.clientHeight;
  const grown = new ResizeObserver(() => {
    if (document.body.clientHeight !== size) target.scrollIntoView({ behavior: "instant" });
    size = document.body.clientHeight;
  });
  const leave = () => {
    grown.disconnect();
    moved.abort();
  };
  for (const each of ["wheel", "touchstart", "pointerdown", "keydown", "hashchange"]) {
    addEventListener(each, leave, { signal: moved.signal, passive: true });
  }
  setTimeout(leave, 5000);
  grown.observe(document.body);
}

// What a link leads to may be folded.
function show(target) {
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  for (const each of target.querySelectorAll(":scope > details")) each.open = true;
  land(target);
}

function showNamed() {
  const target = document.getElementById(location.hash.slice(1));
  if (target) show(target);
}
addEventListener("hashchange", showNamed);
showNamed();

// MLflow shows the page in a frame that has no folder and may go nowhere: links within the page scroll, others are text.
if (location.protocol === "blob:") {
  for (const link of document.querySelectorAll("a")) {
    const target = link.hash && document.getElementById(link.hash.slice(1));
    if (target) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        show(target);
      });
    } else link.replaceWith(...link.childNodes);
  }
  const note = document.createElement("p");
  note.className = "files";
  note.textContent =
    "Tables and figures that are named here lie beside this page among the artifacts, a run’s files in that run.";
  document.querySelector("#answer header").append(note);
}
