// Two settings as a heat map, every setting as parallel coordinates.
"use strict";

const explorerGrids = {
  // Of more combinations of what is on neither axis than this, the first are drawn, and words say so.
  MAPS_AT_MOST: 6,
  COLORS: ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"],

  heat(view, across, up) {
    const { data, state } = view;
    const [x, y] = [across, up].map((name) => data.axis(name));
    const maps = new Map();
    for (const unit of view.units) {
      const rest = data.varied.filter((axis) => axis !== x && axis !== y && unit.place[axis.name] !== null);
      const name = rest.map((axis) => (axis.name === "implementation" ? data.implementation(unit) : axis.phrases[unit.place[axis.name]]));
      const key = name.join(", ");
      maps.set(key, [...(maps.get(key) ?? []), { unit, ...data.at(unit, state.metric, state.epoch) }]);
    }
    const drawn = [...maps].slice(0, explorerGrids.MAPS_AT_MOST);
    const columns = drawn.length > 1 && view.width > 560 ? 2 : 1;
    const rows = Math.ceil(drawn.length / columns);
    const height = 60 + rows * Math.max(170, 70 + 34 * y.values.length);
    const values = drawn.flatMap(([, cells]) => cells.map(({ value }) => value));
    const [low, high] = explorerCharts.extent(values);
    const boxes = drawn.map((_, index) => explorerGrids.box(index, columns, rows, view.width, height));
    const label = { color: view.theme.soft, fontSize: 12 };
    const axis = (of, index) => ({
      type: "category",
      gridIndex: index,
      data: of.labels,
      name: of.title,
      nameLocation: "middle",
      nameGap: of === x ? 26 : 12 + 7 * Math.max(...of.labels.map((text) => text.length)),
      nameTextStyle: label,
      axisLabel: label,
      axisTick: { show: false },
      axisLine: { show: false },
    });
    return {
      marks: [],
      height,
      left: maps.size - drawn.length,
      option: {
        ...explorerCharts.frame(view),
        title: drawn.map(([name], index) => ({
          text: name,
          left: boxes[index].left,
          top: boxes[index].top - 24,
          textStyle: { fontSize: 13, color: view.theme.text, fontFamily: view.theme.font },
        })),
        grid: boxes,
        xAxis: drawn.map((_, index) => axis(x, index)),
        yAxis: drawn.map((_, index) => axis(y, index)),
        visualMap: { ...explorerGrids.key(view, low, high), show: low !== null },
        series: drawn.map(([, cells], index) => ({
          type: "heatmap",
          xAxisIndex: index,
          yAxisIndex: index,
          itemStyle: { borderColor: view.theme.ground, borderWidth: 2 },
          data: cells.map((cell) => explorerGrids.cell(view, cell, [x, y], [low, high], boxes[index].width / x.values.length)),
        })),
      },
    };
  },

  box(index, columns, rows, width, height) {
    const [column, row] = [index % columns, Math.floor(index / columns)];
    const wide = width / columns;
    const high = (height - 60) / rows;
    return { left: column * wide + 80, top: row * high + 30, width: wide - 100, height: high - 80, outerBoundsMode: "none" };
  },

  key(view, low, high) {
    return {
      min: low ?? 0,
      max: high === low ? (low ?? 0) + 1e-9 : high,
      dimension: 2,
      orient: "horizontal",
      left: "center",
      bottom: 0,
      itemHeight: 160,
      text: low === null ? [] : [low, high].map((value) => view.data.printed(view.state.metric, value)).reverse(),
      precision: 4,
      textStyle: { color: view.theme.soft, fontSize: 12 },
      inRange: { color: explorerGrids.COLORS },
    };
  },

  cell(view, { unit, value, why }, axes, [low, high], wide) {
    const place = axes.map(({ name }) => unit.place[name]);
    const text = value === null ? "—" : view.data.printed(view.state.metric, value);
    const bright = value !== null && (value - low) / (high - low || 1) > 0.55;
    const shown = { show: wide >= 44, formatter: text, fontSize: 12, color: bright ? "#000000" : "#ffffff" };
    const faded = view.look(unit).faded;
    return value === null
      ? { value: [...place, "-"], unit, why, itemStyle: { color: view.theme.line }, label: { ...shown, color: view.theme.text }, visualMap: false }
      : { value: [...place, value], unit, label: shown, itemStyle: { opacity: faded ? 0.2 : 1 } };
  },

  parallel(view) {
    const { data, state } = view;
    const axes = data.varied.filter(({ name }) => name !== "seed" || state.by === "seeds");
    const label = { color: view.theme.text, fontSize: 12, backgroundColor: view.theme.ground, padding: 2 };
    const found = view.units.map((unit) => ({ unit, ...data.at(unit, state.metric, state.epoch) }));
    const known = found.filter(({ value }) => value !== null);
    return {
      marks: [],
      lostUnits: found.length - known.length,
      option: {
        ...explorerCharts.frame(view),
        parallel: { left: 52, right: 60, top: 44, bottom: 20, parallelAxisDefault: { nameTextStyle: label, nameGap: 16 } },
        parallelAxis: [
          ...axes.map((axis, dim) => ({
            dim,
            name: axis.title,
            ...(axis.numbers && !axis.labels.some((text) => text.includes(" "))
              ? { type: axis.scale === "log" ? "log" : "value", ...explorerGrids.ends(axis), axisLabel: { ...label, customValues: axis.numbers } }
              : { type: "category", data: axis.labels, axisLabel: label }),
          })),
          { dim: axes.length, name: view.title, type: "value", scale: true, axisLabel: label },
        ],
        series: [{
          type: "parallel",
          lineStyle: { width: 1.5, opacity: 0.7 },
          emphasis: { lineStyle: { width: 4, opacity: 1 } },
          data: known.map(({ unit, value }) => explorerGrids.strand(view, unit, axes, value)),
        }],
      },
    };
  },

  ends({ numbers }) {
    return { min: Math.min(...numbers), max: Math.max(...numbers) };
  },

  strand(view, unit, axes, value) {
    const { color, faded } = view.look(unit);
    const place = axes.map((axis) =>
      axis.numbers && !axis.labels.some((text) => text.includes(" ")) ? axis.numbers[unit.place[axis.name]] : unit.place[axis.name],
    );
    return { value: [...place, value], unit, lineStyle: { color, ...(faded && { opacity: 0.08 }) } };
  },
};
