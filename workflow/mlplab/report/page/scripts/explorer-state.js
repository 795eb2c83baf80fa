// What the explorer shows, as part of the address: a view is a link, #explorer?activation=relu&metric=training_loss.
"use strict";

const explorerState = {
  // `choices` maps view, metric, color, scale and by to what they can be, the usual first; `axes` are those of the data.
  usual(choices) {
    const first = Object.fromEntries(Object.entries(choices).map(([name, values]) => [name, values[0]]));
    return { ...first, epoch: null, only: "", apart: false, chosen: {} };
  },

  // Of an address that names another place of the page: null. What it says and the data do not know is passed over.
  read(hash, choices, axes, epochs) {
    const state = explorerState.usual(choices);
    const [place, query = ""] = hash.replace(/^#/, "").split("?");
    if (place && place !== "explorer") return null;
    const given = new URLSearchParams(query);
    for (const [name, values] of Object.entries(choices)) {
      if (values.includes(given.get(name))) state[name] = given.get(name);
    }
    const epoch = Number(given.get("epoch"));
    if (epochs.includes(epoch) && epoch !== epochs.at(-1)) state.epoch = epoch;
    state.only = given.get("only") ?? "";
    state.apart = given.get("apart") === "yes";
    for (const { name, values } of axes) {
      const kept = values.filter((value) => given.getAll(name).includes(value));
      if (kept.length) state.chosen[name] = kept;
    }
    return state;
  },

  written(state, choices) {
    const query = new URLSearchParams();
    const usual = explorerState.usual(choices);
    for (const name of Object.keys(choices)) {
      if (state[name] !== usual[name]) query.set(name, state[name]);
    }
    if (state.epoch !== null) query.set("epoch", state.epoch);
    if (state.only) query.set("only", state.only);
    if (state.apart) query.set("apart", "yes");
    for (const [name, values] of Object.entries(state.chosen)) {
      for (const value of values) query.append(name, value);
    }
    const text = query.toString();
    return text ? `#explorer?${text}` : "#explorer";
  },
};
