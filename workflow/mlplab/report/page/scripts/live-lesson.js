// A small network that is trained in the page, step by step, beside the right one.
"use strict";

const liveLesson = (() => {
  const { make } = liveParts;
  // A slice of work leaves the page time to answer; charts are drawn so often (ms).
  const [SLICE, DRAWN] = [8, 150];
  // An accuracy that is lower by less would not be noticed.
  const LITTLE = 0.02;

  function matrixOf({ shape: [rows, ...sizes], values }, scale) {
    return { rows, columns: sizes.reduce((a, b) => a * b, 1), values: Float64Array.from(values, (value) => value / scale) };
  }

  // The data, and of each activation the start and what the framework's network makes of it.
  function read(bytes) {
    const { about, tensors } = liveTensors.read(bytes);
    const images = (split) => matrixOf(tensors[`${split}_images`], about.pixel_max);
    const data = {
      training: { images: images("training"), labels: tensors.training_labels.values },
      test: { images: images("test"), labels: tensors.test_labels.values },
    };
    const { shape: [epochs, count], values } = tensors.order;
    const batches = [];
    for (let epoch = 0; epoch < epochs; epoch += 1) {
      const order = values.subarray(epoch * count, (epoch + 1) * count);
      for (let from = 0; from < count; from += about.batch_size) batches.push(Array.from(order.subarray(from, from + about.batch_size)));
    }
    return { about, tensors, data, batches, perEpoch: batches.length / epochs };
  }

  // The parameters that an activation's network starts from; `great` multiplies those of the last layer.
  function startOf({ tensors }, activation, great = 1) {
    const start = {};
    const last = Math.max(...Object.keys(tensors).map((name) => Number(name.match(`^${activation}/W(\\d+)$`)?.[1] ?? 0)));
    for (const [name, { shape, values }] of Object.entries(tensors)) {
      const [, letters, layer] = name.match(`^${activation}/([A-Za-z_]+?)(\\d+)$`) ?? [];
      if (!letters) continue;
      const factor = Number(layer) === last ? great : 1;
      const [rows, columns] = shape.length > 1 ? shape : [1, shape[0]];
      start[letters + layer] = { rows, columns, values: Float64Array.from(values, (value) => factor * value) };
    }
    return start;
  }

  // A run: the network, and what it has shown so far. `mistake` is one of the lesson's, or null.
  function begin(lesson, { activation, mistake, great }) {
    const parts = mistake ? liveMistakes[mistake.name](mistake.settings) : {};
    const start = startOf(lesson, activation, great ? lesson.about.great : 1);
    const network = liveTraining.begin(start, liveFunctions[activation], lesson.about.learning_rate, parts);
    return { network, losses: [], looks: [] };
  }

  const finished = (lesson, run) => run.losses.length === lesson.batches.length;

  function step(lesson, run) {
    const { training, test } = lesson.data;
    const places = lesson.batches[run.losses.length];
    const labels = Uint8Array.from(places, (place) => training.labels[place]);
    run.losses.push(liveTraining.step(run.network, liveTraining.chosen(training.images, places), labels).loss);
    if (run.losses.length % lesson.about.looks === 0 || finished(lesson, run)) {
      const right = liveTraining.right(run.network, test.images, test.labels);
      run.looks.push({ step: run.losses.length, correct: right });
    }
  }

  // The greatest relative difference from the losses of the framework's network, as far as both are.
  function apart(lesson, activation, run) {
    const { values } = lesson.tensors[`${activation}/losses`];
    return run.losses.reduce((most, loss, index) => Math.max(most, Math.abs(loss - values[index]) / values[index]), 0);
  }

  const number = (value) => (Number.isFinite(value) ? value.toPrecision(4) : Number.isNaN(value) ? "not a number" : "infinite");

  // At the end: whether the number of right images would give the mistake away.
  function unnoticed(lesson, { yours, right }) {
    const [own, other] = [yours, right].map(({ looks }) => looks.at(-1)?.correct / lesson.data.test.labels.length);
    if (!finished(lesson, yours) || own < other - LITTLE) return "";
    return ` Its accuracy does not give the mistake away: it is at most ${100 * LITTLE} percentage points lower.`;
  }

  // 2.0 × 10⁻¹⁵.
  function power(value) {
    const [digits, exponent] = value.toExponential(1).split("e");
    return `${digits} × 10${exponent.replace("+", "").replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`;
  }

  function told(lesson, state) {
    const { yours, right } = state.runs;
    const steps = yours.losses.length;
    if (!steps) return "No step yet.";
    const epoch = (steps / lesson.perEpoch).toFixed(1);
    const share = (run) => (run.looks.length ? `, ${run.looks.at(-1).correct} of ${lesson.data.test.labels.length} test images right` : "");
    const own = `Step ${steps} (epoch ${epoch}): loss ${number(yours.losses.at(-1))}${share(yours)}.`;
    if (state.mistake) {
      return `${own} The right network: loss ${number(right.losses.at(-1))}${share(right)}.${unnoticed(lesson, state.runs)}`;
    }
    if (state.great) return own;
    const difference = apart(lesson, state.activation, yours);
    const same = `${steps === 1 ? "This loss is" : `All ${steps} losses are`} what the framework’s network has in float64`;
    return `${own} ${same}${difference ? `, but for rounding: ${power(difference)} of the loss at most` : ""}.`;
  }

  function verdict(state) {
    const { mistake } = state;
    if (!mistake) return ["Nothing is wrong: ", make("code", {}, "mlplab check"), " would say that it agrees with the framework’s network."];
    const place = new URL(mistake.known);
    const source = location.protocol === "blob:" ? place.href : make("a", { href: place.href }, place.hostname + place.pathname);
    return [make("code", {}, "mlplab check"), " would say: ", make("strong", {}, mistake.sentence), ". ", mistake.mend, " ", make("span", { class: "aside" }, "Known from ", source, ` (${mistake.date}).`)];
  }

  async function start(root, address) {
    const lesson = read(await page.bytes("lesson"));
    await page.library("echarts");
    const asked = (key, among) => (among.includes(address.get(key)) ? address.get(key) : among[0]);
    const names = ["", ...lesson.about.mistakes.map(({ name }) => name)];
    const state = { activation: asked("learns", lesson.about.activations), mistake: null, great: false, runs: {}, running: false };
    const status = make("p", { class: "live-status", "aria-live": "off" });
    const announced = make("p", { class: "unseen", "aria-live": "polite" });
    const says = make("p", { class: "live-says" });
    const charts = ["Loss", "Accuracy"].map((name) => make("div", { class: "live-chart", role: "img", "aria-label": name }));
    let drawn = [];
    let at = 0;
    let turn = 0;

    // One chart at a time while it runs: both are a long task.
    function draw(which = [0, 1]) {
      at = performance.now();
      const found = liveCharts.options(lesson, { ...state.runs, wrong: state.mistake !== null });
      for (const index of which) {
        // The lines alone are soon drawn, all of a chart is not.
        if (state.running) drawn[index].setOption({ series: found[index].series.map(({ data }) => ({ data })) });
        else drawn[index].setOption(found[index], { notMerge: true });
      }
      status.textContent = told(lesson, state);
      charts.forEach((chart, index) => chart.setAttribute("aria-label", `${["Loss of each batch", "Accuracy on the test images"][index]} by step. ${status.textContent}`));
    }

    function reset() {
      state.running = false;
      const right = begin(lesson, { ...state, mistake: null });
      state.runs = { right, yours: state.mistake ? begin(lesson, state) : right };
      says.replaceChildren(...verdict(state));
      label();
      draw();
    }

    function advance() {
      const { right, yours } = state.runs;
      if (finished(lesson, yours)) return;
      step(lesson, yours);
      if (right !== yours) step(lesson, right);
    }

    function slice() {
      if (!state.running) return;
      const end = performance.now() + SLICE;
      while (performance.now() < end && !finished(lesson, state.runs.yours)) advance();
      if (finished(lesson, state.runs.yours)) pause();
      else {
        if (performance.now() - at > DRAWN) draw([(turn += 1) % 2]);
        setTimeout(slice, 0);
      }
    }

    function pause() {
      state.running = false;
      label();
      draw();
      announced.textContent = status.textContent;
    }

    function label() {
      run.textContent = state.running ? "Pause" : "Run";
      one.disabled = state.running || finished(lesson, state.runs.yours);
      run.disabled = finished(lesson, state.runs.yours);
    }

    const button = (text, click) => make("button", { type: "button", class: "live-button", click }, text);
    const one = button("Step", () => {
      advance();
      pause();
    });
    const run = button("Run", () => {
      if (state.running) pause();
      else {
        state.running = true;
        label();
        slice();
      }
    });
    const again = button("Reset", () => {
      reset();
      announced.textContent = "Back at the start.";
    });

    function choice(legend, name, entries, change, checked) {
      const group = make("fieldset", { class: `live-switch live-${name}` }, make("legend", {}, legend));
      for (const [value, text] of entries) {
        const input = make("input", { type: "radio", name: `live-${name}`, value, checked: value === checked, change: () => change(value) });
        group.append(make("label", {}, input, make("span", {}, text)));
      }
      return group;
    }

    function switchTo(name) {
      state.mistake = lesson.about.mistakes.find((each) => each.name === name) ?? null;
      address.set({ mistake: name });
      reset();
    }

    const mistakes = choice("What is wrong", "mistake", [["", "nothing"], ...lesson.about.mistakes.map(({ name, sentence }) => [name, sentence])], switchTo, asked("mistake", names));
    const activation = choice("Activation", "learns", lesson.about.activations.map((name) => [name, name]), (name) => {
      state.activation = name;
      address.set({ learns: name });
      reset();
    }, state.activation);
    const begins = choice("Start", "start", [["", "the seed’s own"], ["great", `the last layer ${lesson.about.great.toLocaleString("en")} times as great: great scores, as the check tries them`]], (value) => {
      state.great = value === "great";
      reset();
    }, "");
    function taken(chart, which) {
      const shown = () => ({ ...state.runs, wrong: state.mistake !== null });
      const drawn = () => take.drawn(liveCharts.options(lesson, shown(), (name) => take.PAPER[name], take.FONT)[which], { width: 640, height: 360 });
      return make("div", {}, chart, take.chart(["lesson-loss", "lesson-accuracy"][which], drawn, () => liveCharts.values(lesson, shown(), which)));
    }
    root.append(mistakes, activation, begins, says, make("p", { class: "live-buttons" }, one, run, again), status, announced, make("div", { class: "pair" }, ...charts.map(taken)));
    drawn = charts.map((chart) => echarts.init(chart, null, { renderer: "svg" }));
    const sizes = new ResizeObserver(() => drawn.forEach((chart) => chart.resize()));
    charts.forEach((chart) => sizes.observe(chart));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
    state.mistake = lesson.about.mistakes.find(({ name }) => name === asked("mistake", names)) ?? null;
    reset();
  }

  return { read, begin, step, start, finished, apart };
})();
