// Trained networks that look at an image: chosen or drawn, with hidden units, scores and probabilities.
"use strict";

const liveTry = (() => {
  const { make, paint, pad } = liveParts;
  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  function svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // A plot of the activation from -4 to 4.
  function curve(of, color) {
    const values = Array.from({ length: 81 }, (_, index) => of(index / 10 - 4));
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    const y = (value) => 38 - (36 * (value - low)) / (high - low || 1);
    const points = values.map((value, index) => `${index},${y(value).toFixed(2)}`).join(" ");
    return svg("svg", { viewBox: "0 0 80 40", "aria-hidden": "true" },
      svg("path", { d: `M0 ${y(0)}H80M40 0V40`, class: "live-axis" }),
      svg("polyline", { points, fill: "none", stroke: color, "stroke-width": "1.5" }));
  }

  function chooser(samples, names, chosen) {
    const group = make("fieldset", { class: "live-images" }, make("legend", {}, "An image that no network was trained on"));
    samples.forEach(({ pixels, width, label }, index) => {
      const name = `${names[label]}, image ${index + 1}`;
      const input = make("input", { type: "radio", name: "live-image", value: `${index}`, "aria-label": name, change: () => chosen(index) });
      const picture = paint(make("canvas", { "aria-hidden": "true" }), pixels, width);
      group.append(make("label", { title: names[label] }, input, picture));
    });
    return group;
  }

  // Bars with a number each; `show` fills them.
  function bars(names) {
    const rows = names.map((name) => {
      const bar = make("span", { class: "live-bar" });
      const number = make("span", { class: "number" });
      const score = make("span", { class: "number live-score" });
      return { bar, number, score, row: make("li", {}, make("span", { class: "live-name" }, name), score, make("span", { class: "live-track" }, bar), number) };
    });
    const list = make("ol", { class: "live-bars", "aria-label": "Scores and probabilities of the classes" }, ...rows.map(({ row }) => row));
    function show({ probabilities, scores, predicted }, color) {
      rows.forEach(({ bar, number, score, row }, index) => {
        bar.style.width = `${100 * probabilities[index]}%`;
        bar.style.background = color;
        number.textContent = percent(probabilities[index]);
        score.textContent = scores[index].toFixed(2).replace("-", "−");
        row.classList.toggle("live-first", index === predicted);
      });
    }
    return { list, show };
  }

  // A box for each part of the network, and the boards of its hidden units; `pixels` is the width of an image.
  function layerBoxes(network, name, pixels, color) {
    const boxes = [];
    const boards = [];
    network.forEach((of, place) => {
      const { inputs, units, of: activation } = of;
      const layer = place + 1;
      boxes.push(
        make("div", { class: "live-box live-weights", "data-part": `W${layer} b${layer}` },
          make("span", {}, "W", make("sub", {}, `${layer}`)), make("small", {}, `${inputs} × ${units}`),
          make("span", {}, "+ b", make("sub", {}, `${layer}`)), make("small", {}, `${units}`)),
      );
      if (!activation) return;
      const board = liveUnits.board(of, place ? 0 : pixels);
      boards.push(board);
      boxes.push(make("div", { class: "live-box", "data-part": "phi" }, make("span", {}, "φ ", make("small", {}, name)), curve(activation, color)));
      boxes.push(make("div", { class: "live-box live-hidden", "data-part": `H${layer}` },
        make("span", {}, "H", network.length > 2 ? make("sub", {}, `${layer}`) : "", make("small", {}, ` ${units} hidden units`)), ...board.elements));
    });
    return { boxes, boards };
  }

  async function load() {
    const [file, about] = [liveTensors.read(await page.bytes("networks")), await page.json("live")];
    const { shape: [, height, width], values } = file.tensors.images;
    const size = height * width;
    const samples = Array.from(file.tensors.labels.values, (label, index) => ({
      label,
      width,
      pixels: Float64Array.from(values.subarray(index * size, (index + 1) * size), (value) => value / file.about.pixel_max),
    }));
    return { file, about, samples, height, width, names: file.about.class_names };
  }

  // Networks are unpacked when they are first asked for.
  function opened(file) {
    const known = {};
    return (described) => (known[described.activation] ??= liveNetwork.layers(file, described));
  }

  async function start(root, address) {
    const { file, about, samples, height, width, names } = await load();
    const network = opened(file);
    const state = { described: file.about.networks[0], image: 0, pixels: samples[0]?.pixels ?? new Float64Array(height * width) };
    const answer = make("p", { class: "live-answer", "aria-live": "polite" });
    const help = make("p", { class: "aside", id: "live-help" }, "Draw with mouse, pen or finger. With the keyboard: arrow keys move, the space bar draws, Backspace erases; with the pointer Shift erases.");
    const line = make("p", { class: "aside", id: "live-explained" });
    const board = make("div", { class: "live-board" });
    const result = bars(names);
    let said = {};
    let boards = [];
    let announcing = 0;

    function look() {
      const layers = network(state.described);
      const found = liveNetwork.look(layers, state.pixels);
      boards.forEach((board, index) => board.show(found.hidden[index]));
      result.show(found, about.colors[state.described.activation]);
      // Not at every pixel of a stroke.
      clearTimeout(announcing);
      announcing = setTimeout(() => (answer.textContent = told(found)), state.image === null ? 300 : 0);
    }

    function told({ predicted, probabilities }) {
      const says = `${state.described.activation} says: ${names[predicted]}, ${percent(probabilities[predicted])}.`;
      if (state.image === null) return `${says} A drawing of yours: whatever it is, one of the classes is the answer.`;
      const label = samples[state.image].label;
      return `${says} It is ${label === predicted ? "right" : `wrong: this is ${names[label]}`}.`;
    }

    // The image is no longer one of those that are carried.
    function drawn(pixels) {
      state.pixels = pixels;
      state.image = null;
      for (const input of images.querySelectorAll(":checked")) input.checked = false;
      address.set({ image: "" });
      look();
    }

    const drawing = pad({ height, width, label: "A pad to draw an image on", describedBy: "live-help" }, drawn);
    const clear = make("button", { type: "button", class: "live-button", click: () => drawn(drawing.clear()) }, "Clear");
    const images = chooser(samples, names, choose);

    function choose(index) {
      state.image = index;
      state.pixels = samples[index].pixels;
      drawing.show(state.pixels);
      images.querySelectorAll("input")[index].checked = true;
      address.set({ image: index });
      look();
    }

    function take(described) {
      state.described = described;
      const layers = network(described);
      said = liveFormula.symbols(layers, described.activation, described.function);
      const built = layerBoxes(layers, described.activation, width, about.colors[described.activation]);
      boards = built.boards;
      const flow = make("div", { class: "live-flow" },
        make("div", { class: "live-box live-input", "data-part": "X" }, make("span", {}, "X ", make("small", {}, `${height} × ${width} pixels`)), drawing.canvas, clear),
        ...built.boxes,
        make("div", { class: "live-box live-output", "data-part": "O softmax" }, make("span", {}, "O ", make("small", {}, "scores"), " and softmax(O) ", make("small", {}, "probabilities")), result.list));
      board.replaceChildren(liveFormula.formula(layers, said, "live-explained"), line, flow);
      const { from: run, accuracy, int8_accuracy, images: seen } = about.networks[described.activation];
      const digits = (share) => share.toFixed(4);
      from.textContent = `The network of ${run}: accuracy ${digits(accuracy)} as it was trained, ${digits(int8_accuracy)} as it is carried (${seen.toLocaleString("en")} images).`;
      address.set({ network: described.activation });
      look();
    }

    const from = make("p", { class: "aside" });
    const switches = make("fieldset", { class: "live-switch" }, make("legend", {}, "Activation"));
    for (const described of file.about.networks) {
      const input = make("input", { type: "radio", name: "live-network", value: described.activation, change: () => take(described) });
      switches.append(make("label", {}, input, ` ${described.activation}`));
    }
    liveFormula.tie(board, () => said, line);
    const asked = file.about.networks.find(({ activation }) => activation === address.get("network")) ?? state.described;
    root.append(switches, from, images, answer, board, help);
    switches.querySelector(`[value="${asked.activation}"]`).checked = true;
    take(asked);
    if (samples.length) choose(Math.min(samples.length - 1, Number(address.get("image")) || 0));
    return { file, network };
  }

  return { start, load, opened };
})();
