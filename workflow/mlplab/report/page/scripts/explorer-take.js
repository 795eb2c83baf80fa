// What the explorer shows, to be taken along: the chart on white paper with a legend, the values with the digits that the page has.
"use strict";

const explorerTake = {
  SIZE: { width: 900, height: 460 },

  // The theme of a view that is drawn on paper.
  theme: () => ({ ...take.PAPER, font: take.FONT }),

  svg(view, said) {
    const { width } = explorerTake.SIZE;
    const entries = explorerTake.legend(view);
    const words = explorerTake.wrapped(said, Math.floor(width / 6.2));
    const below = 18 * words.length + 36;
    const above = entries.length ? 26 * Math.ceil(entries.length / 6) : 0;
    const height = (view.drawn.height ?? explorerTake.SIZE.height) + above + below;
    const { option } = view.drawn;
    return take.drawn(
      {
        ...option,
        ...explorerTake.moved(option, above, below),
        legend: { top: 4, left: 12, data: entries.map(({ name }) => ({ name, icon: "roundRect" })), textStyle: { color: view.theme.text, fontSize: 12 } },
        // A series without data has its place in the legend alone.
        series: [...option.series, ...entries.map(({ name, color }) => ({ type: "custom", coordinateSystem: "none", name, itemStyle: { color }, data: [], renderItem: () => null }))],
        graphic: { type: "text", left: 12, bottom: 6, style: { text: words.join("\n"), fill: view.theme.soft, font: `12px ${view.theme.font}`, lineHeight: 18 } },
      },
      { width, height },
    );
  },

  // Room above for the legend and below for the words.
  moved({ grid, parallel, title, visualMap }, above, below) {
    const lower = (box) => ({ ...box, top: box.top + above, ...(box.bottom !== undefined && { bottom: box.bottom + below }) });
    const all = (boxes) => (Array.isArray(boxes) ? boxes.map(lower) : lower(boxes));
    return {
      ...(grid && { grid: all(grid) }),
      ...(parallel && { parallel: lower(parallel) }),
      ...(title && { title: all(title) }),
      ...(visualMap && { visualMap: { ...visualMap, bottom: below } }),
    };
  },

  // The values that colours tell apart, of those shown.
  legend({ units, colored, kind, palette }) {
    if (kind === "heat") return [];
    const shown = [...new Set(units.map(({ place }) => place[colored.name]))].filter((place) => place !== null);
    return shown.sort((a, b) => a - b).map((place) => ({ name: colored.phrases[place], color: palette(colored, place) }));
  },

  wrapped(text, most) {
    const lines = [""];
    for (const word of text.split(" ")) {
      if (`${lines.at(-1)} ${word}`.length > most) lines.push(word);
      else lines.push(`${lines.pop()} ${word}`.trim());
    }
    return lines;
  },

  // A row for each unit, or for each of its epochs: what it is, how many seeds, every curve's value and the costs.
  values({ data, units, state }, epochs) {
    const mean = state.by === "mean";
    const axes = data.axes.filter(({ name }) => name !== "seed" || !mean);
    const measured = data.curved.flatMap((name) => (mean ? [name, `${name}_lowest`, `${name}_highest`] : [name]));
    const rows = units.flatMap((unit) =>
      epochs.map((epoch) => [
        ...axes.map(({ name, values }) => (name === "implementation" ? data.implementation(unit) : values[unit.place[name]])),
        ...(mean ? [data.n(unit)] : []),
        epoch ?? data.cells.planned[unit.cell],
        ...data.curved.flatMap((name) => {
          const { value, low, high } = data.at(unit, name, epoch);
          return mean ? [value, low, high] : [value];
        }),
        // Of implementations that are one line, each has its own.
        ...data.costs.map((name) => [...new Set(data.costsOf(unit, name))].join(" / ")),
        data.trouble(unit) || "finished",
      ]),
    );
    const names = axes.map(({ name }) => name);
    return { columns: [...names, ...(mean ? ["seeds"] : []), "epoch", ...measured, ...data.costs, "ended"], rows };
  },
};
