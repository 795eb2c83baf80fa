// What is drawn and listed: units, each the runs of a cell over their seeds, or one run; and their values.
"use strict";

class ExplorerData {
  constructor(runs, curves) {
    Object.assign(this, { axes: runs.axes, runs: runs.runs, cells: runs.cells, costs: runs.costs, curves });
    this.split = runs.split;
    this.metrics = new Map(runs.metrics.map((metric) => [metric.name, metric]));
    this.curved = runs.metrics.filter((metric) => metric.curve).map((metric) => metric.name);
    this.varied = this.axes.filter((axis) => axis.values.length > 1);
    this.members = this.cells.planned.map(() => []);
    this.runs.cell.forEach((cell, run) => this.members[cell].push(run));
    this.twins = this.cells.twin.some((twin, cell) => twin !== cell);
    const longest = Math.max(...this.cells.planned);
    this.epochs = Array.from({ length: longest / curves.step }, (_, index) => (index + 1) * curves.step);
  }

  axis(name) {
    return this.axes.find((axis) => axis.name === name);
  }

  // Axis → whether each of its values is chosen; all are where none is named.
  kept(chosen) {
    return this.axes.map(({ name, values }) => ({
      name,
      keeps: values.map((value) => !chosen[name] || chosen[name].includes(value)),
    }));
  }

  // The units that the chips leave. Implementations that train the same networks are one, unless `apart`; if axes go
  // `across` a chart, those alone that do so at each of their values, so that no line falls to pieces.
  units({ chosen, by, apart }, across = []) {
    const kept = this.kept(chosen);
    const seeds = kept.find(({ name }) => name === "seed").keeps;
    const of = kept.filter(({ name }) => name !== "seed");
    const cells = this.members.map((_, cell) => cell);
    const left = cells.filter((cell) => of.every(({ name, keeps }) => keeps[this.cells[name][cell]]));
    const twins = apart ? cells : this.twinned(left, across);
    const found = new Map();
    for (const cell of left) {
      const kept = this.members[cell].filter((run) => seeds[this.runs.seed[run]]);
      for (const own of by === "seeds" ? kept.map((run) => [run]) : kept.length ? [kept] : []) {
        const seed = by === "seeds" ? this.runs.seed[own[0]] : null;
        const twin = `${twins[cell]}/${seed}`;
        if (!found.has(twin)) found.set(twin, this.unit(cell, own, seed));
        found.get(twin).each.push({ cell, runs: own });
      }
    }
    return [...found.values()];
  }

  // Cell → what it has in common with those that are one with it.
  twinned(cells, across) {
    const other = this.axes.map(({ name }) => name).filter((name) => !["seed", "implementation"].includes(name));
    const point = (cell, names) => names.map((name) => this.cells[name][cell]).join("/");
    const rest = other.filter((name) => !across.includes(name));
    const firsts = new Map();
    const line = (cell) => `${point(cell, rest)}/${this.cells.implementation[cell]}`;
    for (const cell of cells) {
      const first = this.cells.implementation[this.cells.twin[cell]];
      firsts.set(line(cell), `${firsts.get(line(cell)) ?? ""} ${first}`);
    }
    return Object.fromEntries(cells.map((cell) => [cell, `${point(cell, other)}/${firsts.get(line(cell))}`]));
  }

  unit(cell, runs, seed) {
    const place = Object.fromEntries(
      this.axes.map(({ name }) => [name, name === "seed" ? seed : this.cells[name][cell]]),
    );
    const named = this.axes.filter(({ name }) => place[name] !== null);
    const key = named.map(({ name, values }) => values[place[name]]).join("/");
    return { key, cell, each: [], runs, seed, place, whole: runs.length === this.members[cell].length };
  }

  // Epoch by epoch: the table's means over all seeds of a cell, those of the chosen seeds, or a run's own values.
  curve(unit, metric) {
    const { cells } = this.curves;
    if (unit.seed === null && unit.whole) {
      const mean = cells[metric].mean[unit.cell];
      const [low, high] = ["lowest", "highest"].map((part) => cells[metric][part][unit.cell]);
      return { mean, low: low.length ? low : mean, high: high.length ? high : mean };
    }
    const each = unit.runs.map((run) => this.history(run, metric)).filter((values) => values.length);
    const shortest = Math.min(...each.map((values) => values.length));
    const curve = { mean: [], low: [], high: [] };
    for (let index = 0; each.length && index < shortest; index++) {
      const values = each.map((history) => history[index]);
      const whole = !values.includes(null);
      curve.mean.push(whole ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
      curve.low.push(whole ? Math.min(...values) : null);
      curve.high.push(whole ? Math.max(...values) : null);
    }
    return curve;
  }

  // A large page has of single runs the last epoch alone.
  history(run, metric) {
    const all = this.curves.runs[metric];
    if (all) return all[run];
    if (this.runs.status[run] === "failed") return [];
    const planned = this.cells.planned[this.runs.cell[run]];
    const values = Array(planned / this.curves.step).fill(null);
    if (this.runs.epochs_run[run] === planned) values[values.length - 1] = this.runs.values[metric][run];
    return values;
  }

  // Whether curves are asked for that a large page does not have.
  partial({ by, chosen }) {
    return !Object.keys(this.curves.runs).length && (by === "seeds" || Boolean(chosen.seed));
  }

  // At an epoch, or after the last (null): { value, low, high }, or null with the reason in words.
  at(unit, metric, epoch) {
    const planned = this.cells.planned[unit.cell];
    const index = (epoch ?? planned) / this.curves.step - 1;
    const { mean, low, high } = this.curve(unit, metric);
    const value = mean[index] ?? null;
    if (value !== null) return { value, low: low[index], high: high[index] };
    return { value: null, why: epoch > planned ? `ended after epoch ${planned}` : this.trouble(unit) || "no number" };
  }

  counted(unit, status) {
    return unit.runs.filter((run) => this.runs.status[run] === status).length;
  }

  // How many runs have values at all.
  n(unit) {
    return unit.runs.length - this.counted(unit, "failed");
  }

  // What went wrong: "diverged", or "2 of 3 seeds diverged"; "" where nothing did.
  trouble(unit) {
    return ["diverged", "failed"]
      .map((status) => [this.counted(unit, status), status])
      .filter(([amount]) => amount)
      .map(([amount, status]) => (unit.seed === null ? `${amount} of ${unit.runs.length} seeds ${status}` : status))
      .join(", ");
  }

  // Of each implementation of a unit.
  costsOf(unit, name) {
    return unit.each.map(({ cell, runs }) => this.cost(unit, name, cell, runs));
  }

  cost(unit, name, cell = unit.cell, runs = unit.runs) {
    if (unit.seed === null && unit.whole) return this.cells.costs[name][cell];
    const values = runs.map((run) => this.runs.values[name][run]).filter((value) => value !== null);
    if (!values.length) return null;
    values.sort((a, b) => a - b);
    const half = (values.length - 1) / 2;
    return (values[Math.floor(half)] + values[Math.ceil(half)]) / 2;
  }

  implementation(unit) {
    const { values } = this.axis("implementation");
    return unit.each.map(({ cell }) => values[this.cells.implementation[cell]]).join(" = ");
  }

  // A unit in words, by the axes of which there are several values, or by all that name a run.
  name(unit, full = false) {
    const naming = full ? ["implementation", "activation", "seed"] : [];
    const parts = this.axes
      .filter(({ name, values }) => unit.place[name] !== null && (values.length > 1 || naming.includes(name)))
      .map(({ name, phrases }) => (name === "implementation" ? this.implementation(unit) : phrases[unit.place[name]]));
    return parts.join(", ") || this.implementation(unit);
  }

  printed(name, value) {
    return explorerNumbers.printed(this.metrics.get(name), value);
  }
}
