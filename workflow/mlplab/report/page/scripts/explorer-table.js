// What is drawn, as a table that the keyboard and screen readers reach, and in a sentence.
"use strict";

const explorerTable = {
  // Of more rows the best are listed.
  ROWS_AT_MOST: 100,

  element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined) made.append(text);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  },

  // Best first, by the chosen metric; who has no value comes last.
  ranked({ data, state, units, better }) {
    const found = units
      .filter((unit) => !state.only || unit.key === state.only)
      .map((unit) => ({ unit, value: data.at(unit, state.metric, state.epoch).value }));
    const sign = better === "lower" ? 1 : -1;
    const order = (a, b) => (a.value === null) - (b.value === null) || sign * (a.value - b.value) || 0;
    return found.sort(order).map(({ unit }) => unit);
  },

  draw(view, table, isolate) {
    const { data, state } = view;
    const { element } = explorerTable;
    const shown = data.curved;
    const mean = state.by === "mean";
    const headings = [
      element("th", mean ? "mean over seeds" : "run", { scope: "col" }),
      ...(mean ? ["seeds"] : []).map((text) => element("th", text, { scope: "col", class: "number" })),
      ...[...shown, ...data.costs].map((name) => element("th", data.metrics.get(name).title, { scope: "col", class: "number" })),
      element("th", "ended", { scope: "col" }),
    ];
    const head = element("thead");
    head.append(element("tr"));
    head.firstChild.append(...headings);
    const body = element("tbody");
    const units = explorerTable.ranked(view);
    for (const unit of units.slice(0, explorerTable.ROWS_AT_MOST)) body.append(explorerTable.row(view, unit, isolate));
    const caption = element("caption", `Values ${view.when(state.epoch)}, best ${data.metrics.get(state.metric).title} first`, { class: "unseen" });
    table.replaceChildren(caption, head, body);
    return units.length;
  },

  row(view, unit, isolate) {
    const { data, state } = view;
    const { element } = explorerTable;
    const row = element("tr", undefined, { "data-unit": unit.key });
    const button = element("button", data.name(unit), { type: "button", "aria-pressed": String(unit.key === state.only) });
    button.addEventListener("click", () => isolate(unit));
    row.append(element("th", button, { scope: "row" }));
    if (state.by === "mean") row.append(element("td", String(data.n(unit)), { class: "number" }));
    for (const name of data.curved) {
      const cell = element("td", undefined, { class: "number" });
      const { value, low, high, why } = data.at(unit, name, state.epoch);
      cell.append(value === null ? "—" : data.printed(name, value));
      if (value === null) cell.append(element("small", why));
      else if (low !== high) cell.append(element("small", `${data.printed(name, low)} – ${data.printed(name, high)}`));
      row.append(cell);
    }
    for (const name of data.costs) {
      const costs = data.costsOf(unit, name).map((value) => data.printed(name, value));
      row.append(element("td", [...new Set(costs)].join(" / "), { class: "number" }));
    }
    row.append(element("td", data.trouble(unit) || (state.by === "mean" ? "all finished" : "finished")));
    return row;
  },

  // How many runs there are, what is one line, what went wrong and what is not drawn.
  sentences({ data, state, units, drawn }, listed) {
    const runs = units.flatMap(({ each }) => each.flatMap(({ runs: own }) => own));
    const all = data.runs.status.length;
    const count = (amount, noun) => `${amount.toLocaleString("en")} ${noun}${amount === 1 ? "" : "s"}`;
    const said = [];
    const amount = runs.length === all ? count(all, "run") : `${runs.length.toLocaleString("en")} of ${count(all, "run")}`;
    const means = `, as ${count(units.length, "mean")} over seeds; bands and small numbers go from the lowest to the highest`;
    said.push(`${amount}${state.by === "mean" ? means : runs.length > units.length ? `, drawn as ${units.length.toLocaleString("en")}` : ""}.`);
    for (const status of ["diverged", "failed"]) {
      const amount = runs.filter((run) => data.runs.status[run] === status).length;
      if (amount) said.push(`${amount.toLocaleString("en")} of ${count(runs.length, "run")} ${status}.`);
    }
    said.push(...explorerTable.twins(data, units));
    if (drawn.outside) said.push(`${count(drawn.outside, "value")} outside of the range from 0.3 to 0.9 not shown here; every other view shows all.`);
    if (drawn.lost) said.push(`${count(drawn.lost, "value")} of 0 not drawn: a logarithmic scale has no place for it.`);
    if (drawn.left) said.push(`${count(drawn.left, "further map")} not drawn: press values to choose.`);
    if (drawn.lostUnits) said.push(`${count(drawn.lostUnits, "line")} without a value not drawn, in the table alone.`);
    if (data.partial(state)) said.push("Curves of single runs are too large for this page: of them it has the last epoch alone.");
    if (data.curves.step > 1) said.push(`Of every ${data.curves.step} epochs this page has the last.`);
    if (listed > explorerTable.ROWS_AT_MOST) said.push(`The table has the best ${explorerTable.ROWS_AT_MOST} of ${listed.toLocaleString("en")}.`);
    return said;
  },

  // "scratch = concise", once for each set of implementations.
  twins(data, units) {
    const found = new Map();
    for (const unit of units.filter(({ each }) => each.length > 1)) {
      const differences = unit.each.map(({ cell }) => data.cells.difference[cell]);
      // All were compared with the first that equals them, which may not be among these.
      const bound = data.cells.twin[unit.cell] === unit.cell ? Math.max(...differences) : differences[0] + Math.max(...differences.slice(1));
      const name = data.implementation(unit);
      found.set(name, Math.max(bound, found.get(name) ?? 0));
    }
    return [...found].map(([name, bound]) =>
      bound ? `${name}: they differ by rounding alone, by ${explorerNumbers.rounded(bound, 2)} at most; the numbers are those of the first.` : `${name}: every value is identical.`,
    );
  },
};
