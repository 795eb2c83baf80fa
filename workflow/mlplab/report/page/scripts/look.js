// Look at the data: a cell of the confusion matrix opens its images; who is most surely wrong, and where two disagree.
"use strict";

const look = {
  // What is shown: the number of a network, a cell of its matrix (true and predicted class), and a pair of networks.
  state: { network: 0, cell: null, pair: 0 },

  async start() {
    look.root = document.querySelector("[data-look]");
    if (!look.root || !page.has("look")) return;
    look.data = await page.json("look");
    look.sprite = new Image();
    look.sprite.src = `data:image/png;base64,${look.data.images}`;
    await look.sprite.decode();
    look.rows = look.asRows(look.data.examples);
    look.pairs = look.data.networks.flatMap((_, a) => look.data.networks.slice(a + 1).map((_, b) => [a, a + 1 + b]));
    look.frame();
    look.root.hidden = false;
    look.read();
    window.addEventListener("hashchange", () => look.read());
    look.root.dataset.ready = "";
  },

  // Columns as they are packed → a row for each image of a list.
  asRows(columns) {
    const names = Object.keys(columns);
    return columns.kind.map((_, place) => Object.fromEntries(names.map((name) => [name, columns[name][place]])));
  },

  // Elements with their attributes and content, in one line.
  make(tag, attributes = {}, ...content) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...content);
    return made;
  },

  // All that stays, whatever is chosen.
  frame() {
    const { make, data } = look;
    look.matrix = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Confusion matrix" });
    look.told = make("p");
    look.panel = make("div", { class: "look-panel", "aria-live": "polite" });
    look.wrong = make("div", { "aria-live": "polite" });
    look.root.append(
      look.chips(),
      make("h3", {}, "Which classes does it take for which?"), look.told, look.matrix, look.panel,
      make("h3", {}, "Where is it most surely wrong?"), look.wrong,
    );
    if (data.networks.length < 2) return;
    look.differing = make("div", { "aria-live": "polite" });
    look.root.append(make("h3", {}, "Where do two networks disagree?"), look.choice(), look.differing);
  },

  chips() {
    const group = look.make("fieldset", { class: "look-chips" }, look.make("legend", {}, "Network"));
    for (const [number, { activation, color }] of look.data.networks.entries()) {
      const input = look.make("input", { type: "radio", name: "look-network", value: activation });
      const dot = look.make("i", { style: `background: ${color}` });
      input.addEventListener("change", () => look.show({ network: number, cell: null }));
      group.append(look.make("label", {}, input, dot, activation));
    }
    return group;
  },

  choice() {
    const names = look.data.networks.map(({ activation }) => activation);
    const select = look.make("select", { name: "look-pair" });
    for (const [a, b] of look.pairs) select.append(look.make("option", {}, `${names[a]} and ${names[b]}`));
    select.addEventListener("change", () => look.show({ pair: select.selectedIndex }));
    return look.make("p", { class: "look-pair" }, look.make("label", {}, "Two networks: ", select));
  },

  // The state stands in the address, so that a view is a link: #look?network=relu&true=Shirt&predicted=Coat&pair=relu,tanh.
  read() {
    const [name, query] = location.hash.split("?");
    const given = new URLSearchParams(name === "#look" ? query : "");
    const { networks, classes } = look.data;
    const numberOf = (activation) => networks.findIndex((network) => network.activation === activation);
    const network = Math.max(numberOf(given.get("network")), 0);
    const cell = [classes.indexOf(given.get("true")), classes.indexOf(given.get("predicted"))];
    const [a, b] = (given.get("pair") ?? "").split(",").map(numberOf);
    const pair = look.pairs.findIndex(([one, other]) => one === a && other === b);
    const known = cell.every((place) => place >= 0);
    look.draw({ network, cell: known ? cell : null, pair: Math.max(pair, 0) });
    if (query && name === "#look") land(document.getElementById("look"), "instant");
  },

  show(change) {
    look.draw({ ...look.state, ...change });
    const { networks, classes } = look.data;
    const { network, cell, pair } = look.state;
    const state = new URLSearchParams({ network: networks[network].activation });
    if (cell) state.set("true", classes[cell[0]]), state.set("predicted", classes[cell[1]]);
    if (look.pairs.length) state.set("pair", look.pairs[pair].map((n) => networks[n].activation).join(","));
    // A frame without an address of its own allows no change of it.
    try { history.replaceState(null, "", `#look?${state}`); } catch {}
  },

  draw(state) {
    const before = look.state;
    const first = !look.matrix.firstChild;
    look.state = { ...state, cell: state.cell ?? look.mostConfused(state.network) };
    look.root.querySelectorAll("[name=look-network]")[state.network].checked = true;
    if (first || before.network !== state.network) look.drawNetwork();
    look.drawCell();
    if (!look.pairs.length || (!first && before.pair === state.pair)) return;
    look.root.querySelector("[name=look-pair]").selectedIndex = state.pair;
    look.drawPair();
  },

  // The cell off the diagonal with the most images of this very network.
  mostConfused(network) {
    let best = [0, 0], most = 0;
    for (const [t, row] of look.data.networks[network].confusion.entries()) {
      for (const [p, count] of row.entries()) if (t !== p && count > most) [best, most] = [[t, p], count];
    }
    return best;
  },

  drawNetwork() {
    const { classes, networks, split } = look.data;
    const { activation, title: called, name, over_seeds: counts, seeds, confusion } = networks[look.state.network];
    const images = counts.flat().reduce((a, b) => a + b, 0);
    const over = seeds > 1 ? `${seeds} seeds together, ${look.number(images)} predictions` : `one seed, ${look.number(images)} predictions`;
    look.told.textContent =
      `How many ${split} images of each class (row) ${called} takes for each class (column): ${over}. ` +
      `Open a cell to see images of ${name}.`;
    const heading = classes.map((title) => look.make("th", { scope: "col", class: "number" }, look.make("span", {}, title)));
    const head = look.make("thead", {}, look.make("tr", {}, look.make("td", {}), ...heading));
    const body = look.make("tbody");
    for (const [t, row] of counts.entries()) {
      const all = Math.max(row.reduce((a, b) => a + b, 0), 1);
      const cells = row.map((count, p) => look.cell(t, p, count, count / all));
      body.append(look.make("tr", {}, look.make("th", { scope: "row" }, classes[t]), ...cells));
    }
    const title = look.make("caption", { class: "unseen" }, `Confusion matrix of ${called}: true classes in rows, predicted ones in columns`);
    const table = look.make("table", { class: "look-matrix" }, title, head, body);
    table.addEventListener("keydown", look.arrows);
    look.matrix.replaceChildren(table);
    look.bar?.remove();
    const values = () => ({ columns: ["true class", ...classes], rows: counts.map((row, t) => [classes[t], ...row]) });
    look.bar = take.dataTable(table, `confusion-${activation}`, title.textContent, values);

    const own = look.rows.filter((row) => row.kind === "wrong" && row.run === look.state.network);
    const wrong = confusion.flatMap((row, t) => row.filter((_, p) => p !== t)).reduce((a, b) => a + b, 0);
    const total = confusion.flat().reduce((a, b) => a + b, 0);
    const sentence = wrong
      ? `${name} gets ${look.number(wrong)} of ${look.number(total)} ${split} images wrong; ${look.these(own.length, wrong)}.`
      : `${name} gets all of ${look.number(total)} ${split} images right.`;
    look.wrong.replaceChildren(look.make("p", {}, sentence), look.list(own));
    for (const figure of document.querySelectorAll(".look-weights figure")) {
      const of = (figure.dataset.of ?? figure.dataset.network).split(" ");
      figure.hidden = !of.includes(activation);
    }
  },

  cell(t, p, count, share) {
    const { classes } = look.data;
    // No darker than text can be read on.
    const cell = look.make("td", { style: `--share: ${(55 * share).toFixed(1)}%` });
    if (!count) return cell;
    const button = look.make("button", { type: "button", tabindex: "-1", "aria-pressed": "false" }, look.number(count));
    button.setAttribute("aria-label", `${look.number(count)}: ${classes[t]} taken for ${classes[p]}`);
    button.dataset.cell = `${t} ${p}`;
    button.addEventListener("click", () => look.show({ cell: [t, p] }));
    cell.append(button);
    return cell;
  },

  // One cell is a stop of the Tab key; from there the arrows lead to the next one that can be opened.
  arrows(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const from = event.target.dataset.cell;
    if (!step || !from) return;
    event.preventDefault();
    const size = look.data.classes.length;
    let [t, p] = from.split(" ").map(Number);
    for (;;) {
      t += step[0];
      p += step[1];
      if (t < 0 || p < 0 || t >= size || p >= size) return;
      const next = look.matrix.querySelector(`[data-cell="${t} ${p}"]`);
      if (next) return next.focus();
    }
  },

  drawCell() {
    const { classes, networks, split } = look.data;
    const [t, p] = look.state.cell;
    for (const button of look.matrix.querySelectorAll("button")) {
      const chosen = button.dataset.cell === `${t} ${p}`;
      button.setAttribute("aria-pressed", chosen);
      button.tabIndex = chosen ? 0 : -1;
    }
    const { name, confusion } = networks[look.state.network];
    const rows = look.rows.filter((row) =>
      row.kind === "confusion" && row.run === look.state.network && row.true === t && row.predicted === p);
    const all = confusion[t].reduce((a, b) => a + b, 0);
    const counted = `${look.number(confusion[t][p])} of ${look.number(all)} ${split} images of “${classes[t]}”`;
    const what = t === p ? `${name} gets ${counted} right` : `${name} takes ${counted} for “${classes[p]}”`;
    const sentence = confusion[t][p] ? `${what}; ${look.these(rows.length, confusion[t][p])}.` : `${what}: those that are counted are of other seeds.`;
    look.panel.replaceChildren(look.make("p", {}, sentence), look.list(rows));
  },

  drawPair() {
    const { networks, split } = look.data;
    const [a, b] = look.pairs[look.state.pair];
    const rows = look.rows.filter((row) => row.kind === "disagreement" && row.run === a && row.other === b);
    const both = `${networks[a].name} and ${networks[b].name}`;
    const sentence = rows.length
      ? `${both} say another class for ${look.number(rows[0].of)} ${split} images; ${look.these(rows.length, rows[0].of, "both are")}.`
      : `${both} say the same class for all images.`;
    look.differing.replaceChildren(look.make("p", {}, sentence), look.list(rows));
  },

  these(shown, all, who = "it is") {
    if (!shown) return "there was no room for any of them here";
    return shown === all ? "here they are, the most sure first" : `here are the ${shown} of which ${who} most sure`;
  },

  list(rows) {
    const list = look.make("ul", { class: "look-images" });
    for (const row of rows) list.append(look.item(row));
    return list;
  },

  item(row) {
    const { classes, networks, split } = look.data;
    const says = (who, predicted, p) => look.make("small", {}, `${who} ${classes[predicted]}, `, look.percent(p));
    const lines = row.kind === "disagreement"
      ? [says(`${networks[row.run].activation}:`, row.predicted, row.p), says(`${networks[row.other].activation}:`, row.other_predicted, row.other_p)]
      : [says("says", row.predicted, row.p)];
    if (row.kind !== "disagreement" && row.predicted !== row.true) lines.push(says("not", row.true, row.p_true));
    const label = `${split} image ${row.image}`;
    return look.make("li", { "data-image": row.image }, look.tile(row.tile, `${label}: ${classes[row.true]}`), look.make("strong", {}, classes[row.true]), ...lines);
  },

  tile(number, label) {
    const { width, height, columns } = look.data;
    const canvas = look.make("canvas", { width, height, role: "img", "aria-label": label });
    const [x, y] = [number % columns, Math.floor(number / columns)];
    canvas.getContext("2d").drawImage(look.sprite, x * width, y * height, width, height, 0, 0, width, height);
    return canvas;
  },

  // A probability is never said to be 0 or 1.
  percent(p) {
    const text = p > 0.9995 ? "> 99.9 %" : p < 0.0005 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
    return look.make("data", { value: p }, text);
  },

  number: (value) => value.toLocaleString("en"),
};

look.start();
