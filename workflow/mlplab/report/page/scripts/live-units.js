// The hidden units of a layer as cells that light up, read one by one with the pointer or the arrow keys.
"use strict";

const liveUnits = (() => {
  const { make } = liveParts;
  const BELOW = [86, 180, 233];
  const ABOVE = [255, 200, 60];
  const KEYS = { ArrowLeft: -1, ArrowRight: 1 };

  const signed = (value) => (Number.isFinite(value) ? value.toFixed(2).replace("-", "−") : "not a number");

  // Values as pixels: the greatest is brightest, what is below 0 has another colour.
  function light(canvas, values, columns) {
    canvas.width = columns;
    canvas.height = Math.ceil(values.length / columns);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    const image = new ImageData(canvas.width, canvas.height);
    values.forEach((value, index) => {
      const share = Number.isFinite(value) ? Math.abs(value) / most : 1;
      const [red, green, blue] = value < 0 ? BELOW : ABOVE;
      image.data.set([share * red, share * green, share * blue, 255], 4 * index);
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // A board for a layer of `liveNetwork.layers`; `pixels` is the width of an image where the layer sees one, else 0.
  function board({ inputs, units, weights }, pixels) {
    const columns = Math.min(units, units > 64 ? 32 : 16);
    const canvas = make("canvas", { class: "live-units" });
    const frame = make("span", { class: "live-chosen" });
    const cells = make("div", {
      class: "live-cells", role: "slider", tabindex: "0", "aria-label": "Hidden unit", "aria-valuemin": 1, "aria-valuemax": units,
    }, canvas, frame);
    const all = make("small", {});
    const picture = make("canvas", { class: "live-weights-of", role: "img" });
    const one = make("small", {});
    const rows = Math.ceil(units / columns);
    let values = null;
    // Until one is chosen, the one with the greatest output is read.
    let chosen = null;

    function read() {
      const most = values.reduce((best, value, unit) => (value > values[best] ? unit : best), 0);
      const unit = chosen ?? most;
      const above = values.filter((value) => value > 0).length;
      all.textContent = `${above} of ${units} above 0; most: unit ${most + 1}, ${signed(values[most])}`;
      one.textContent = `Unit ${unit + 1}: ${signed(values[unit])}${pixels ? "; what it looks for: its weights, blue below zero and yellow above" : ""}`;
      frame.style.cssText = `left: ${(100 * (unit % columns)) / columns}%; top: ${(100 * Math.floor(unit / columns)) / rows}%; width: ${100 / columns}%; height: ${100 / rows}%`;
      cells.setAttribute("aria-valuenow", unit + 1);
      cells.setAttribute("aria-valuetext", `Unit ${unit + 1}: ${signed(values[unit])}. ${all.textContent}`);
      if (!pixels) return;
      light(picture, Float64Array.from({ length: inputs }, (_, input) => weights[input * units + unit]), pixels);
      picture.setAttribute("aria-label", `Weights of unit ${unit + 1}`);
    }

    function choose(unit) {
      if (unit < 0 || unit >= units || unit === chosen) return;
      chosen = unit;
      read();
    }

    cells.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      const [column, row] = [
        Math.floor(((event.clientX - box.left) / box.width) * columns), Math.floor(((event.clientY - box.top) / box.height) * rows),
      ];
      if (column >= 0 && column < columns && row >= 0 && row < rows) choose(row * columns + column);
    });
    cells.addEventListener("keydown", (event) => {
      const from = Number(cells.getAttribute("aria-valuenow")) - 1;
      const step = KEYS[event.key] ?? { ArrowUp: -columns, ArrowDown: columns, Home: -from, End: units - 1 - from }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      choose(from + step);
    });

    function show(outputs) {
      values = outputs;
      light(canvas, values, columns);
      read();
    }
    return { elements: [cells, all, ...(pixels ? [picture] : []), one], show };
  }

  return { board };
})();
