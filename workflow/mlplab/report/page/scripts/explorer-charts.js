// Charts with two axes of numbers: over epochs, by a setting, against cost, and the article's own.
"use strict";

const explorerCharts = {
  DASHES: ["solid", "dashed", "dotted", "dash-dotted", "long-dashed"],
  STROKES: { "dash-dotted": [10, 4, 2, 4], "long-dashed": [16, 6] },
  SYMBOLS: ["circle", "rect", "triangle", "diamond", "pin"],
  SHAPES: ["circles", "squares", "triangles", "diamonds", "pins"],
  // More lines than this are drawn thin.
  THIN_FROM: 60,
  // The article's range.
  RANGE: [0.3, 0.9],
  CROSS: "path://M-5,-4L-4,-5L0,-1L4,-5L5,-4L1,0L5,4L4,5L0,1L-4,5L-5,4L-1,0Z",

  // Each gives { option, marks }: what ECharts draws, and the points that can be read, each with its unit.
  epochs(view) {
    const { data, state } = view;
    const lines = view.units.map((unit) => ({
      unit,
      ...view.look(unit),
      points: explorerCharts.points(data, unit, state.metric, view.band),
    }));
    const ends = lines.filter(({ unit }) => data.trouble(unit)).map(({ unit, points, color, faded }) => {
      const last = points.filter(({ y }) => y !== null).at(-1);
      return { x: last?.x ?? data.epochs[0], y: last?.y ?? null, unit, color, faded, text: data.trouble(unit) };
    });
    const at = state.epoch === null ? [] : [state.epoch];
    const x = { title: "epoch", scale: "linear", low: data.epochs[0], high: data.epochs.at(-1), whole: true, at };
    return explorerCharts.cartesian(view, lines, x, { crosses: ends });
  },

  points(data, unit, metric, band) {
    const { mean, low, high } = data.curve(unit, metric);
    return mean.map((y, index) => {
      const point = { unit, metric, x: data.epochs[index], y, epoch: data.epochs[index] };
      return band ? { ...point, low: low[index], high: high[index] } : point;
    });
  },

  // A line joins units that differ in the setting alone.
  setting(view, name) {
    const { data, state } = view;
    const axis = data.axis(name);
    const lines = new Map();
    const crosses = [];
    for (const unit of view.units) {
      const key = data.axes.map((other) => (other === axis ? "" : unit.place[other.name])).join("/");
      const twins = data.implementation(unit);
      const line = `${key}/${twins}/${view.look(unit).faded}`;
      if (!lines.has(line)) lines.set(line, { ...view.look(unit, name), points: [] });
      const found = data.at(unit, state.metric, state.epoch);
      const point = { unit, metric: state.metric, x: axis.numbers[unit.place[name]], epoch: state.epoch };
      lines.get(line).points.push({ ...point, y: found.value, ...(view.band && { low: found.low, high: found.high }) });
      if (found.value === null) crosses.push({ ...point, ...view.look(unit, name), y: null, text: found.why });
    }
    for (const { points } of lines.values()) points.sort((a, b) => a.x - b.x);
    const at = [...axis.numbers].sort((a, b) => a - b);
    const x = { title: axis.title, scale: axis.scale, low: at[0], high: at.at(-1), ticks: at, at: [] };
    return explorerCharts.cartesian(view, [...lines.values()], x, { crosses, dots: true });
  },

  cost(view, name) {
    const { data, state } = view;
    const lines = view.units.map((unit) => {
      const found = data.at(unit, state.metric, state.epoch);
      const point = { unit, metric: state.metric, cost: name, x: data.cost(unit, name), y: found.value };
      return { ...view.look(unit), points: [{ ...point, epoch: state.epoch }] };
    });
    const x = { title: data.metrics.get(name).title, scale: "linear", at: [] };
    const lostUnits = lines.filter(({ points: [{ x: cost, y }] }) => cost === null || y === null).length;
    return { ...explorerCharts.cartesian(view, lines, x, { dots: true }), lostUnits };
  },

  // Loss and both accuracies in one chart, y from 0.3 to 0.9: what lies outside is counted in words.
  article(view) {
    const { data } = view;
    const lines = view.units.flatMap((unit) =>
      data.curved.map((metric, index) => ({
        ...view.look(unit),
        dash: explorerCharts.DASHES[index % explorerCharts.DASHES.length],
        points: explorerCharts.points(data, unit, metric, view.band),
      })),
    );
    const x = { title: "epoch", scale: "linear", low: data.epochs[0], high: data.epochs.at(-1), whole: true, at: [] };
    return explorerCharts.cartesian(view, lines, x, { crosses: [], range: explorerCharts.RANGE });
  },

  cartesian(view, lines, x, { crosses = [], dots = false, range = null }) {
    const log = view.state.scale === "log" && !range;
    // Zero has no place on a logarithmic scale.
    const place = (y) => (y === undefined || y === null || (log && y <= 0) ? null : y);
    const placed = lines.map((line) => ({
      ...line,
      points: line.points.filter(({ x: at }) => at !== null).map((point) => ({ ...point, y: place(point.y) })),
    }));
    const marks = placed.flatMap(({ points }) => points).filter(({ y }) => y !== null);
    const ends = placed.flatMap(({ points }) => points.flatMap((point) => [point.low, point.high, point.y].map(place)));
    const [low, high] = range ?? explorerCharts.extent(ends);
    const worse = view.better === "lower" ? high : low;
    const crossed = crosses.map((cross) => ({ ...cross, y: place(cross.y) ?? worse ?? 0 }));
    const outside = range ? marks.filter(({ y }) => y < low || y > high).length : 0;
    return {
      marks: [...marks, ...crossed],
      outside,
      lost: lines.flatMap(({ points }) => points).filter(({ y }) => log && y !== null && y <= 0).length,
      option: {
        ...explorerCharts.frame(view),
        xAxis: explorerCharts.axis(view, { ...x, name: x.title, log: x.scale === "log" }),
        yAxis: explorerCharts.axis(view, { name: range ? "" : view.title, low, high, log, range, vertical: true }),
        series: [
          explorerCharts.bands(placed, log),
          ...explorerCharts.lines(placed, dots || view.data.epochs.length === 1),
          explorerCharts.crosses(view, crossed),
          explorerCharts.marker(view, x.at),
        ],
      },
    };
  },

  extent(values) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return low <= high ? [low, high] : [null, null];
  },

  frame({ theme }) {
    return {
      animation: false,
      textStyle: { fontFamily: theme.font, fontSize: 12, color: theme.soft },
      grid: { left: 12, right: 20, top: 32, bottom: 12 },
    };
  },

  axis({ theme }, { name, low, high, log, range, vertical, whole, ticks }) {
    const custom = ticks ?? (log && low !== null ? explorerCharts.steps(low, high) : null);
    const lines = { lineStyle: { color: theme.line } };
    const label = { color: theme.soft, fontSize: 12, hideOverlap: true, formatter: (value) => String(Number(value.toPrecision(6))) };
    return {
      type: log ? "log" : "value",
      name,
      nameLocation: vertical ? "end" : "middle",
      nameGap: vertical ? 12 : 28,
      nameTextStyle: { color: theme.soft, fontSize: 12, align: vertical ? "left" : "center" },
      scale: true,
      minInterval: whole ? 1 : 0,
      ...explorerCharts.ends({ low, high, log, range, vertical, ticks, whole }),
      axisLabel: custom ? { ...label, customValues: custom } : label,
      axisTick: { ...lines, ...(custom && { customValues: custom }) },
      axisLine: { show: !vertical, ...lines },
      splitLine: { show: Boolean(vertical) && !log, ...lines },
    };
  },

  // ECharts rounds the ends of a linear axis up and down by itself: nothing is cut off.
  ends({ low, high, log, range, vertical, ticks, whole }) {
    if (low === null || low === undefined) return {};
    if (range || whole) return { min: low, max: high === low ? low + 1 : high };
    if (log) {
      const margin = low === high ? 2 : (high / low) ** (ticks ? 0.04 : 0.02);
      return { min: low / margin, max: high * margin };
    }
    if (!vertical) return { min: low - (high - low || 1) * 0.04, max: high + (high - low || 1) * 0.04 };
    return {};
  },

  // 1, 2 and 5 times the powers of ten between two numbers; the powers alone where these are many.
  steps(low, high) {
    const found = [];
    const wide = high / low > 1e3;
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const digit of wide ? [1] : [1, 1.5, 2, 3, 5, 7]) {
        const value = Number(`${digit}e${power}`);
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found.length > 1 ? found : [low, high];
  },

  // One series for each look, its lines one after another: a thousand are as quick as one.
  lines(lines, dots) {
    const looks = new Map();
    for (const { color, dash, symbol, faded, points } of lines) {
      const look = `${color} ${dash} ${symbol} ${faded}`;
      if (!looks.has(look)) looks.set(look, { color, dash, symbol, faded, data: [] });
      looks.get(look).data.push(...points.map(({ x, y }) => [x, y]), [null, null]);
    }
    const width = lines.length > explorerCharts.THIN_FROM ? 1 : 2;
    return [...looks.values()].map(({ color, dash, symbol, faded, data }) => ({
      type: "line",
      data,
      silent: true,
      showSymbol: dots,
      symbol,
      symbolSize: 7,
      sampling: null,
      lineStyle: { color, type: explorerCharts.STROKES[dash] ?? dash, width: faded ? 1 : width, opacity: faded ? 0.15 : 1 },
      itemStyle: { color, opacity: faded ? 0.15 : 1 },
      z: faded ? 1 : 3,
    }));
  },

  bands(lines, log) {
    const known = (point) => point.y !== null && (!log || point.low > 0);
    const banded = lines
      .filter(({ faded, points }) => !faded && points.some((point) => known(point) && point.low < point.high))
      .map((line) => ({ ...line, points: line.points.filter(known) }));
    return {
      type: "custom",
      silent: true,
      clip: true,
      z: 2,
      encode: { x: [0, 1], y: [2, 3] },
      data: banded.map(({ points }) => [
        points[0].x,
        points.at(-1).x,
        ...explorerCharts.extent(points.flatMap(({ low, high }) => [low, high])),
      ]),
      renderItem(params, api) {
        const { points, color } = banded[params.dataIndex];
        const upper = points.map(({ x, high }) => api.coord([x, high]));
        const lower = points.map(({ x, low }) => api.coord([x, low])).reverse();
        return { type: "polygon", shape: { points: [...upper, ...lower] }, style: { fill: color, opacity: 0.15 } };
      },
    };
  },

  crosses({ theme }, crossed) {
    return {
      type: "scatter",
      id: "crosses",
      silent: true,
      symbol: explorerCharts.CROSS,
      symbolSize: 11,
      clip: false,
      z: 4,
      data: crossed.map(({ x, y, color, faded }) => ({
        value: [x, y],
        itemStyle: { color: color ?? theme.bad, opacity: faded ? 0.2 : 1 },
      })),
    };
  },

  marker({ theme }, at) {
    return {
      type: "line",
      silent: true,
      data: [],
      markLine: {
        silent: true,
        symbol: "none",
        label: { show: false },
        lineStyle: { color: theme.soft, type: "dashed" },
        data: at.map((value) => ({ xAxis: value })),
      },
    };
  },
};
