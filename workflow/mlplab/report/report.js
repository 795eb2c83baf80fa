// The page can be read without this file; with it, tables can be sorted, and details are printed.
"use strict";

function compare(a, b, numeric) {
  return numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, column, direction) {
  const body = table.tBodies[0];
  const key = (row) => row.cells[column].dataset.key;
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

// A figure that is wider than its box is moved with the keyboard as well.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  }
});
for (const picture of document.querySelectorAll(".picture")) sizes.observe(picture);

// Paper cannot be unfolded.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = Array.from(document.querySelectorAll("details:not([open])"));
  for (const details of folded) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
