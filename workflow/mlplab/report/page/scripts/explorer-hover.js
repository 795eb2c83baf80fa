// Point at a line to read it: the nearest point in words; a click isolates its unit.
"use strict";

class ExplorerHover {
  // `words(mark)` gives the lines of the tip, `isolate(unit)` is called for a click, with null beside everything.
  constructor(chart, box, words, isolate) {
    Object.assign(this, { chart, box, words, isolate, marks: [], places: null });
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    box.append(this.tip);
    this.listen();
  }

  // The points of a new drawing. Where it has none, as a heat map, its own items answer.
  follow(marks) {
    Object.assign(this, { marks, places: null });
    this.leave();
  }

  listen() {
    const canvas = this.chart.getZr();
    canvas.on("mousemove", ({ offsetX, offsetY }) => this.marks.length && this.show(this.nearest(offsetX, offsetY)));
    canvas.on("globalout", () => this.leave());
    canvas.on("click", ({ offsetX, offsetY, target }) => {
      if (this.marks.length) this.isolate(this.nearest(offsetX, offsetY)?.mark.unit ?? null);
      else if (!target) this.isolate(null);
    });
    this.chart.on("mousemove", ({ data, event }) => {
      if (data?.unit) this.show({ mark: data, at: [event.offsetX, event.offsetY] });
    });
    this.chart.on("mouseout", () => this.marks.length || this.leave());
    this.chart.on("click", ({ data }) => data?.unit && this.isolate(data.unit));
  }

  nearest(x, y) {
    const finder = { xAxisIndex: 0, yAxisIndex: 0 };
    this.places ??= this.marks.map((mark) => this.chart.convertToPixel(finder, [mark.x, mark.y]));
    let found = null;
    let least = 30 ** 2;
    this.places.forEach((at, index) => {
      const distance = (at[0] - x) ** 2 + (at[1] - y) ** 2;
      if (distance < least) [found, least] = [{ mark: this.marks[index], at }, distance];
    });
    return found;
  }

  show(found) {
    if (!found) return this.leave();
    const [first, ...rest] = this.words(found.mark);
    const name = document.createElement("strong");
    name.textContent = first;
    this.tip.replaceChildren(name, ...rest.flatMap((text, index) => (index ? [document.createElement("br"), text] : [text])));
    this.tip.hidden = false;
    const [x, y] = found.at;
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, this.box.clientWidth - width))}px`;
    this.tip.style.top = `${y > height + 14 ? y - height - 10 : y + 18}px`;
    this.ring(this.marks.length ? found.at : null);
  }

  leave() {
    this.tip.hidden = true;
    this.ring(null);
  }

  ring(at) {
    const canvas = this.chart.getZr();
    if (this.circle) canvas.remove(this.circle);
    this.circle = at && new echarts.graphic.Circle({
      shape: { cx: at[0], cy: at[1], r: 6 },
      style: { fill: "none", stroke: explorerTheme.read().text, lineWidth: 2 },
      silent: true,
      z: 100,
    });
    if (this.circle) canvas.add(this.circle);
  }
}
