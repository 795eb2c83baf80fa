// A network as formula and as boxes, each symbol tied to its box: the pointer or the focus on one marks both.
"use strict";

const liveFormula = (() => {
  const { make } = liveParts;
  const count = (number) => number.toLocaleString("en");

  // The symbols of a network's layers with what they mean, in the order of the formula.
  function symbols(network, name, kind) {
    const hidden = network.length - 1;
    const index = (letter, layer, always) => (hidden === 1 && !always ? letter : [letter, make("sub", {}, `${layer}`)]);
    const said = {};
    const add = (key, text, ...shown) => (said[key] = { text, shown: shown.flat() });
    add("X", `X: the image, ${count(network[0].inputs)} pixels between 0 and 1, in one row`, "X");
    const phi = kind === "table" ? `a plug-in’s function, read off a table of points` : "computed by its formula";
    add("phi", `φ: the activation ${name}, ${phi}`, "φ");
    network.forEach(({ inputs, units }, place) => {
      const layer = place + 1;
      const int8 = "one byte each, with a scale for each column";
      add(`W${layer}`, `W${layer}: ${count(inputs)} × ${count(units)} weights, ${int8}`, index("W", layer, true));
      add(`b${layer}`, `b${layer}: ${count(units)} biases`, index("b", layer, true));
      if (layer <= hidden) {
        add(`H${layer}`, `${hidden === 1 ? "H" : `H${layer}`}: what the ${count(units)} hidden units give`, index("H", layer));
      }
    });
    add("O", `O: a score for each of ${count(network[hidden].units)} classes`, "O");
    add("softmax", "softmax: exp of each score, divided by the sum of all: probabilities", "softmax");
    return said;
  }

  // H = φ(X W₁ + b₁) and so on, with a button for each symbol.
  function formula(network, said, describedBy) {
    const symbol = (key) =>
      make(
        "button",
        { type: "button", class: "live-symbol", "data-part": key, "aria-describedby": describedBy, "aria-label": key },
        ...said[key].shown.map((part) => (typeof part === "string" ? part : part.cloneNode(true))),
      );
    const lines = network.map((_, place) => {
      const layer = place + 1;
      const from = symbol(layer > 1 ? `H${layer - 1}` : "X");
      const sum = [from, " ", symbol(`W${layer}`), " + ", symbol(`b${layer}`)];
      if (layer === network.length) return make("span", {}, symbol("O"), " = ", ...sum);
      return make("span", {}, symbol(`H${layer}`), " = ", symbol("phi"), "(", ...sum, ")");
    });
    lines.push(make("span", {}, "probabilities = ", symbol("softmax"), "(", symbol("O"), ")"));
    return make("p", { class: "formula live-formula" }, ...lines);
  }

  // Within `root`, marks all that has the same data-part as what is pointed at; `line` says what it is, as `said()` has it.
  function tie(root, said, line) {
    let marked = null;
    function mark(key) {
      if (key === marked) return;
      marked = key;
      for (const each of root.querySelectorAll("[data-part]")) {
        each.classList.toggle("live-marked", each.dataset.part.split(" ").includes(key));
      }
      line.textContent = said()[key]?.text ?? "Point at a symbol, or at a box, to see what belongs together.";
    }
    const part = (element) => element?.closest("[data-part]")?.dataset.part.split(" ")[0] ?? "";
    const focused = () => part(root.contains(document.activeElement) ? document.activeElement : null);
    // A pointer that lies still while the page scrolls below it points at nothing.
    root.addEventListener("pointermove", (event) => {
      if (event.movementX || event.movementY) mark(part(event.target));
    });
    root.addEventListener("pointerleave", () => mark(focused()));
    root.addEventListener("focusin", (event) => mark(part(event.target)));
    root.addEventListener("focusout", () => mark(""));
    mark("");
  }

  return { symbols, formula, tie };
})();
