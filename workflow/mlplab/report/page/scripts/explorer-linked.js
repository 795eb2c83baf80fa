// The chips of the explorer filter the other tables of runs on the page as well.
"use strict";

const explorerLinked = {
  // Tables that say of each row its implementation and activation: column → axis.
  find(axes) {
    const found = [];
    for (const table of document.querySelectorAll("table.sortable")) {
      const headings = Array.from(table.querySelectorAll("thead th"), (heading) => heading.textContent.trim());
      const columns = axes.map((axis) => [axis, headings.indexOf(axis.name.replaceAll("_", " "))]).filter(([, column]) => column >= 0);
      const names = columns.map(([{ name }]) => name);
      if (names.includes("implementation") && names.includes("activation")) found.push({ table, columns });
    }
    return found;
  },

  // Of a thousand rows each is read once.
  texts: new WeakMap(),

  textsOf(row, columns) {
    if (!explorerLinked.texts.has(row)) {
      explorerLinked.texts.set(row, new Map(columns.map(([, column]) => [column, row.cells[column].textContent.trim()])));
    }
    return explorerLinked.texts.get(row);
  },

  listen(axes) {
    const tables = explorerLinked.find(axes);
    document.addEventListener("mlplab:filter", ({ detail: { chosen } }) => {
      for (const each of tables) explorerLinked.filter(each, chosen);
    });
  },

  filter({ table, columns }, chosen) {
    const kept = columns
      .filter(([{ name }]) => chosen[name])
      .map(([{ name, values, printed }, column]) => [column, new Set(chosen[name].map((value) => printed[values.indexOf(value)]))]);
    const rows = Array.from(table.tBodies[0].rows);
    let left = 0;
    for (const row of rows) {
      const out = !kept.every(([column, texts]) => texts.has(explorerLinked.textsOf(row, columns).get(column)));
      row.toggleAttribute("data-left-out", out);
      left += !out;
    }
    explorerLinked.note(table, left < rows.length ? `The explorer leaves ${left} of ${rows.length} rows. ` : "");
  },

  note(table, text) {
    const box = table.parentElement;
    const before = box.previousElementSibling;
    if (before?.classList.contains("explorer-note")) before.remove();
    if (!text) return;
    const note = document.createElement("p");
    const button = document.createElement("button");
    note.className = "explorer-note";
    button.type = "button";
    button.textContent = "Show all";
    button.addEventListener("click", () => document.dispatchEvent(new CustomEvent("mlplab:unfilter")));
    note.append(text, button);
    box.before(note);
  },
};
