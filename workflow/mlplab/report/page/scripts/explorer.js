// The explorer: all runs in charts and a table, filtered and drawn as the address says.
"use strict";

class Explorer {
  constructor(box, data) {
    Object.assign(this, { box, data });
    this.numeric = data.varied.filter((axis) => axis.numbers);
    this.further = data.varied.filter(({ name }) => !["implementation", "activation", "seed"].includes(name));
    const options = this.options();
    this.choices = Object.fromEntries(Object.entries(options).map(([name, [, values]]) => [name, Object.keys(values)]));
    this.state = this.read(location.hash) ?? explorerState.usual(this.choices);
    this.controls = new ExplorerControls(box, data, options, (part, lasting = true) => this.change(part, lasting));
    this.layout();
    explorerLinked.listen(data.axes);
    this.draw();
    this.listen();
    if (location.hash.startsWith("#explorer?")) land(box.closest("section"), "instant");
  }

  read(hash) {
    return explorerState.read(hash, this.choices, this.data.axes, this.data.epochs);
  }

  // What can be chosen, the usual first: a setting that is a number is an axis, two are a map, more are strands.
  options() {
    const { data, numeric, further } = this;
    const pairs = numeric.flatMap((x, index) => numeric.slice(index + 1).map((y) => [x, y]));
    const views = {
      epochs: "over epochs",
      ...Object.fromEntries(numeric.map(({ name, title }) => [`by-${name}`, `by ${title}`])),
      ...Object.fromEntries(pairs.map(([x, y]) => [`map-${x.name}-${y.name}`, `${x.title} and ${y.title}, a map`])),
      ...(further.length > 1 && { strands: "every setting, in parallel" }),
      ...Object.fromEntries(data.costs.map((name) => [`cost-${name}`, `against ${data.metrics.get(name).title}`])),
      article: "as in the article, 0.3 to 0.9",
    };
    const first = further.length > 2 ? "strands" : pairs.length ? `map-${pairs[0][0].name}-${pairs[0][1].name}` : numeric.length ? `by-${numeric[0].name}` : "epochs";
    return {
      view: ["show", { [first]: views[first], ...views }],
      metric: ["of", Object.fromEntries(this.metrics(data.curved).map((name) => [name, data.metrics.get(name).title]))],
      scale: ["scale", { linear: "linear", log: "logarithmic" }],
      by: ["as", { mean: "mean over seeds", seeds: "single seeds" }],
      color: ["colours by", { "": "what differs", ...Object.fromEntries(data.varied.map(({ name, title }) => [name, title])) }],
    };
  }

  // The accuracy that runs are scored by is the usual one.
  metrics(names) {
    const scored = names.find((name) => name === `${this.data.split}_accuracy`);
    return [scored, ...names.filter((name) => name !== scored)];
  }

  layout() {
    const { element } = explorerTable;
    this.said = element("p", undefined, { class: "said", role: "status" });
    this.canvas = element("div", undefined, { class: "chart", role: "img" });
    const drawing = element("div", undefined, { class: "drawing" });
    drawing.append(this.canvas);
    this.table = element("table");
    const scroll = element("div", this.table, { class: "scroll long", tabindex: "0", role: "region", "aria-label": "Values of what is shown" });
    this.box.append(drawing, this.said, this.taken(), scroll);
    take.dataTable(this.table, "explorer-table", "Values of what is shown", () => this.values([this.state.epoch]));
    this.chart = echarts.init(this.canvas, null, { renderer: "svg" });
    this.hover = new ExplorerHover(this.chart, drawing, (mark) => this.words(mark), (unit) => this.isolate(unit));
  }

  taken() {
    const paper = () => this.drawn(this.view(explorerTake.theme(), explorerTake.SIZE.width));
    const epochs = () => (["epochs", "article"].includes(this.state.view) ? this.data.epochs : [this.state.epoch]);
    this.link = take.link("explorer", "#explorer");
    return take.chart("explorer", () => explorerTake.svg(paper(), this.said.textContent), () => this.values(epochs()), this.link);
  }

  values(epochs) {
    return explorerTake.values(this.view(), epochs);
  }

  listen() {
    new ResizeObserver(() => {
      if (this.canvas.clientWidth !== this.chart.getWidth()) this.draw();
    }).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.addEventListener("mlplab:unfilter", () => this.change({ chosen: {}, only: "" }));
    this.box.addEventListener("keydown", ({ key }) => key === "Escape" && this.state.only && this.isolate(null));
    // Entries of the history that this wrote lead back; links within the page leave the view as it is.
    window.addEventListener("popstate", ({ state }) => {
      const hash = state?.explorer ?? (location.hash.startsWith("#explorer?") ? location.hash : null);
      if (hash === null) return;
      this.state = this.read(hash) ?? this.state;
      this.draw();
    });
  }

  isolate(unit) {
    const only = unit && unit.key !== this.state.only ? unit.key : "";
    if (only !== this.state.only) this.change({ only });
  }

  change(part, lasting = true) {
    const before = explorerState.written(this.before ?? this.state, this.choices);
    this.before = lasting ? null : this.before ?? this.state;
    this.state = { ...this.state, ...part };
    this.draw();
    const now = explorerState.written(this.state, this.choices);
    if (!lasting || now === before) return;
    try {
      history.replaceState({ ...history.state, explorer: before }, "");
      history.pushState({ explorer: now }, "", now);
    } catch {
      // A frame may not allow it: the view is shown all the same.
    }
  }

  // What is to be drawn, in the page's colours and at its width, or in others.
  view(theme = explorerTheme.read(), width = this.canvas.clientWidth) {
    const { data } = this;
    const [kind, ...rest] = this.state.view.split("-");
    const state = { ...this.state };
    if (kind === "map") state.by = "mean";
    // Costs differ also between implementations that train the same networks.
    const across = { by: [rest.join("-")], map: rest }[kind];
    const units = data.units(kind === "cost" ? { ...state, apart: true } : state, across);
    if (!units.some(({ key }) => key === state.only)) state.only = "";
    const metric = data.metrics.get(state.metric);
    const x = kind === "by" ? rest.join("-") : "";
    const palettes = new Map(data.axes.map((axis) => [axis, axis.colors.map((color) => explorerTheme.readable(color, theme))]));
    const colored = this.colored(units, x);
    const trainers = [...new Set(units.map(({ place }) => place.implementation))].sort((a, b) => a - b);
    const several = trainers.length > 1 && colored.name !== "implementation";
    const nth = (list, unit) => list[trainers.indexOf(unit.place.implementation) % list.length];
    return {
      data, state, units, theme, colored,
      kind: kind === "map" ? "heat" : kind,
      rest, x,
      title: metric.title,
      better: metric.better,
      band: state.by === "mean",
      width,
      scaled: ["epochs", "by", "cost"].includes(kind),
      palette: (axis, index) => palettes.get(axis)[index],
      several,
      look: (unit) => ({
        color: unit.place[colored.name] === null ? theme.text : palettes.get(colored)[unit.place[colored.name]],
        dash: several && kind !== "article" ? nth(explorerCharts.DASHES, unit) : "solid",
        symbol: several ? nth(explorerCharts.SYMBOLS, unit) : "circle",
        faded: state.only !== "" && unit.key !== state.only,
      }),
      when: (epoch) => (epoch === null || epoch === undefined ? "after the last epoch" : `after epoch ${epoch}`),
    };
  }

  // The axis that colours tell apart: what was chosen, or the first of which several values are shown.
  colored(units, x) {
    const { data } = this;
    const several = (axis) => new Set(units.map(({ place }) => place[axis.name])).size > 1;
    const usual = ["activation", ...this.further.map(({ name }) => name), "implementation"].filter((name) => name !== x);
    return data.axis(this.state.color || usual.find((name) => several(data.axis(name))) || "activation");
  }

  drawn(view) {
    const drawers = {
      epochs: () => explorerCharts.epochs(view),
      by: () => explorerCharts.setting(view, view.x),
      cost: () => explorerCharts.cost(view, view.rest.join("-")),
      article: () => explorerCharts.article(view),
      heat: () => explorerGrids.heat(view, ...view.rest),
      strands: () => explorerGrids.parallel(view),
    };
    view.drawn = drawers[view.kind]();
    return view;
  }

  draw() {
    const view = this.drawn(this.view());
    this.canvas.style.height = view.drawn.height ? `${view.drawn.height}px` : "";
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width !== this.chart.getWidth() || height !== this.chart.getHeight()) this.chart.resize();
    this.chart.setOption(view.drawn.option, { notMerge: true });
    this.hover.follow(view.drawn.marks);
    this.controls.follow(view);
    const listed = explorerTable.draw(view, this.table, (unit) => this.isolate(unit));
    const sentences = explorerTable.sentences(view, listed);
    const legend = view.kind === "article" ? this.dashes() : view.several ? this.looks(view) : "";
    if (legend) sentences.splice(1, 0, legend);
    this.said.textContent = sentences.join(" ");
    const shown = this.controls.fields.view.input.selectedOptions[0].textContent;
    const of = view.kind === "article" ? "Loss and accuracies" : view.title[0].toUpperCase() + view.title.slice(1);
    this.canvas.setAttribute("aria-label", `${of}, ${shown}: ${sentences[0]} The table below has the values.`);
    this.filtered(view.state.chosen);
    for (const link of this.link) link.href = explorerState.written(this.state, this.choices);
  }

  // What dashes and symbols mean: a metric in the article's chart, an implementation in others.
  dashes() {
    const names = this.data.curved.map((name, index) => `${explorerCharts.DASHES[index]} the ${this.data.metrics.get(name).title}`);
    return `The ${names.join(", ").replace(/^(\w+) the/, "$1 line is the")}.`;
  }

  looks({ data, units, kind }) {
    const words = { epochs: explorerCharts.DASHES, by: explorerCharts.DASHES, cost: explorerCharts.SHAPES }[kind];
    if (!words) return "";
    const named = new Map(units.map((unit) => [unit.place.implementation, data.implementation(unit)]));
    const said = [...named].sort(([a], [b]) => a - b).map(([, name], index) => `${words[index % words.length]}: ${name}`);
    return `${said.join("; ").replace(/^\w/, (letter) => letter.toUpperCase())}.`;
  }

  filtered(chosen) {
    const now = JSON.stringify(chosen);
    if (now === (this.told ?? "{}")) return;
    this.told = now;
    document.dispatchEvent(new CustomEvent("mlplab:filter", { detail: { chosen } }));
  }

  // What stands in the tip: who it is, the value, the seeds behind it.
  words({ unit, metric = this.state.metric, epoch = this.state.epoch, cost, text }) {
    const { data, state } = this;
    const found = data.at(unit, metric, epoch);
    const when = epoch === null ? "after the last epoch" : `after epoch ${epoch}`;
    const value = found.value === null ? `no ${data.metrics.get(metric).title}` : `${data.metrics.get(metric).title} ${data.printed(metric, found.value)}`;
    const lines = [data.name(unit, true), text ?? `${value} ${when}`];
    if (cost) lines.push(`${data.printed(cost, data.cost(unit, cost))} ${data.metrics.get(cost).title}`);
    const n = data.n(unit);
    if (unit.seed === null && found.value !== null) {
      lines.push(n === 1 ? "1 seed" : `mean over ${n} seeds, ${data.printed(metric, found.low)} to ${data.printed(metric, found.high)}`);
    }
    return lines;
  }
}

(async () => {
  const box = document.querySelector("#explorer .explorer");
  if (!box || !page.has("runs")) return;
  const [runs, curves] = await Promise.all([page.json("runs"), page.json("curves"), page.library("echarts")]);
  new Explorer(box, new ExplorerData(runs, curves));
})();
