// The two charts of the small network that is trained in the page, and their numbers.
"use strict";

const liveCharts = (() => {
  const finite = (value) => (Number.isFinite(value) && value > 0 ? value : null);

  const themed = (name) => liveParts.style(`--${name}`);

  // `ink(name)` gives the colours: the page's, or those on paper.
  function options(lesson, { yours, right, wrong }, ink = themed, font = getComputedStyle(document.body).fontFamily) {
    const total = lesson.data.test.labels.length;
    const [text, soft, line] = ["text", "soft", "line"].map(ink);
    const axis = { axisLabel: { color: soft, fontSize: 12 }, axisLine: { lineStyle: { color: soft } }, splitLine: { lineStyle: { color: line } }, nameTextStyle: { color: soft, fontSize: 12 } };
    const chart = (name, kind, of) => ({
      animation: false,
      textStyle: { color: text, fontFamily: font },
      title: { text: name, left: 0, top: 0, textStyle: { color: text, fontSize: 13, fontWeight: 600 } },
      grid: { left: 44, right: 16, top: 52, bottom: 40 },
      legend: { top: 22, left: 0, icon: "roundRect", itemHeight: 3, itemGap: 20, textStyle: { color: text, fontSize: 12 }, data: wrong ? ["right network", "with the mistake"] : ["this network"] },
      tooltip: { trigger: "axis", confine: true, backgroundColor: ink("raised"), borderColor: line, textStyle: { color: text } },
      xAxis: { ...axis, type: "value", name: "step", nameLocation: "middle", nameGap: 24, min: 0, max: lesson.batches.length, splitLine: { show: false } },
      yAxis: { ...axis, type: kind, ...(kind === "value" ? { min: 0, max: 1 } : {}) },
      series: [
        ...(wrong ? [{ name: "right network", data: of(right), color: soft, lineStyle: { type: "dashed", width: 1.5 } }] : []),
        { name: wrong ? "with the mistake" : "this network", data: of(yours), color: ink(wrong ? "bad" : "blue"), lineStyle: { width: 2 } },
      ].map((series) => ({ type: "line", showSymbol: false, sampling: "lttb", ...series })),
    });
    return [
      chart("loss of the batch (log)", "log", ({ losses }) => losses.map((loss, index) => [index + 1, finite(loss)])),
      chart("accuracy on the test images", "value", ({ looks }) => looks.map(({ step, correct }) => [step, correct / total])),
    ];
  }

  // What is drawn, with all digits: of each step, or of those after which the test images were looked at.
  function values({ data: { test } }, { yours, right, wrong }, which) {
    const names = wrong ? ["right_network", "with_the_mistake"] : ["this_network"];
    const runs = wrong ? [right, yours] : [yours];
    const rows = which
      ? yours.looks.map(({ step }, index) => [step, ...runs.map(({ looks }) => looks[index].correct / test.labels.length)])
      : yours.losses.map((_, index) => [index + 1, ...runs.map(({ losses }) => losses[index])]);
    return { columns: ["step", ...names.map((name) => `${["loss", "test_accuracy"][which]}_${name}`)], rows };
  }

  return { options, values };
})();
