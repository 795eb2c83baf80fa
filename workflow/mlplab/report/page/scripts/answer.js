// The chart of the first screen: accuracy over epochs, drawn once; without this file its still picture stands there.
"use strict";

{
  const still = document.querySelector("#answer .still");
  const box = document.getElementById("answer-chart");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  // Names longer than this stand above the chart, not at the ends of their lines.
  const SHORT = 12;

  const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const printed = (value) => (value === null ? "—" : value.toFixed(4));

  // The band is two lines on one another: the lowest, unseen, and how far the highest is above it.
  function band(line, color) {
    const shared = { type: "line", stack: line.name, symbol: "none", silent: true, lineStyle: { opacity: 0 } };
    const points = (values) => line.epochs.map((epoch, index) => [epoch, values(index)]);
    const width = (index) => (line.lowest[index] === null ? null : line.highest[index] - line.lowest[index]);
    return [
      { ...shared, name: `${line.name}, lowest`, data: points((index) => line.lowest[index]) },
      { ...shared, name: `${line.name}, band`, data: points(width), areaStyle: { color, opacity: 0.16 } },
    ];
  }

  function mean(line, color, ends) {
    return {
      type: "line",
      name: line.name,
      data: line.epochs.map((epoch, index) => [epoch, line.mean[index]]),
      color,
      showSymbol: line.epochs.length === 1,
      symbolSize: 7,
      lineStyle: { width: 2.5 },
      emphasis: { focus: "series" },
      endLabel: { show: ends, formatter: "{a}", color, fontSize: 13, fontWeight: 600 },
    };
  }

  function tooltip(lines, epoch) {
    const list = document.createElement("div");
    list.append(`Epoch ${epoch}`);
    for (const line of lines) {
      const at = line.epochs.indexOf(epoch);
      if (at < 0) continue;
      const row = document.createElement("div");
      const name = document.createElement("strong");
      name.textContent = line.name;
      const n = `n = ${line.runs} ${line.runs === 1 ? "seed" : "seeds"}`;
      row.append(name, ` ${printed(line.mean[at])} (${printed(line.lowest[at])} to ${printed(line.highest[at])}, ${n})`);
      list.append(row);
    }
    return list;
  }

  function options({ measure, lines }, moving, onPaper = false) {
    const ends = lines.every((line) => line.name.length <= SHORT);
    const colors = lines.map((line) => (dark.matches && !onPaper ? line.dark : line.color));
    const ink = onPaper ? (name) => take.PAPER[name.slice(2)] : themed;
    const soft = ink("--soft");
    const last = Math.max(...lines.flatMap((line) => line.epochs));
    const axis = { axisLabel: { color: soft, fontSize: 12 }, nameTextStyle: { color: soft, fontSize: 12 } };
    const names = ends ? 8 * Math.max(...lines.map((line) => line.name.length)) + 16 : 16;
    return {
      animation: moving,
      animationDuration: 1600,
      animationEasing: "linear",
      textStyle: { fontFamily: onPaper ? take.FONT : "inherit" },
      grid: { left: 8, right: names, top: ends ? 36 : 36 + 22 * Math.ceil(lines.length / 2), bottom: 28, containLabel: true },
      legend: { show: !ends, top: 0, left: 0, data: lines.map((line) => line.name), textStyle: { color: ink("--text"), fontSize: 12 } },
      xAxis: { ...axis, type: "value", name: "epoch", nameLocation: "middle", nameGap: 28, min: 1, max: Math.max(last, 2), minInterval: 1, splitLine: { show: false } },
      yAxis: { ...axis, type: "value", name: measure, nameTextStyle: { ...axis.nameTextStyle, align: "left" }, scale: true, splitLine: { lineStyle: { color: ink("--line") } } },
      tooltip: {
        trigger: "axis",
        confine: true,
        backgroundColor: ink("--raised"),
        borderColor: ink("--line"),
        textStyle: { color: ink("--text"), fontSize: 13 },
        axisPointer: { snap: true, label: { show: false } },
        formatter: (points) => tooltip(lines, points[0].value[0]),
      },
      series: lines.flatMap((line, index) => [...band(line, colors[index]), mean(line, colors[index], ends)]),
    };
  }

  // Names at the ends of lines that run into one another are moved apart.
  function apart(chart, lines) {
    const ends = lines.map((line, index) => ({ index, y: chart.convertToPixel({ yAxisIndex: 0 }, line.mean.at(-1)) }));
    ends.sort((a, b) => a.y - b.y);
    let free = -Infinity;
    for (const end of ends) {
      end.at = Math.max(end.y, free);
      free = end.at + 16;
    }
    chart.setOption({
      series: ends.map(({ index, y, at }) => ({ name: lines[index].name, endLabel: { offset: [0, at - y] } })),
    });
  }

  async function draw() {
    const given = await page.json("answer");
    if (!given.lines.length) return;
    await page.library("echarts");
    box.hidden = false;
    document.getElementById("answer").classList.add("drawing");
    const chart = echarts.init(box, null, { renderer: "svg" });
    chart.setOption(options(given, !calm.matches));
    apart(chart, given.lines);
    // It grows once: what is drawn later is drawn at once.
    const again = () => {
      chart.setOption(options(given, false), true);
      apart(chart, given.lines);
    };
    dark.addEventListener("change", again);
    let width = box.clientWidth;
    new ResizeObserver(() => {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      chart.resize();
      again();
    }).observe(box);
    const finish = (paper) => apart(paper, given.lines);
    take.charts.set(still.querySelector("figure"), () => take.drawn(options(given, false, true), { finish }));
    box.setAttribute("role", "img");
    const ends = given.lines.map((line) => `${line.name} ends at ${printed(line.mean.at(-1))}`);
    box.setAttribute("aria-label", `${still.querySelector("svg").getAttribute("aria-label")} ${ends.join(", ")}.`);
  }

  if (page.has("answer")) draw();
}
