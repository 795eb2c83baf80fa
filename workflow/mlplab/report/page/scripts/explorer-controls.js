// Chips, choices and the slider: made once, then set to the state.
"use strict";

class ExplorerControls {
  // `change(part, lasting)` is called with what a reader changed; a slider that still moves is not lasting.
  constructor(box, data, options, change) {
    Object.assign(this, { data, change, chips: [], fields: {} });
    const element = explorerTable.element;
    const chips = element("div", undefined, { class: "chips" });
    const controls = element("div", undefined, { class: "controls" });
    for (const axis of data.varied) chips.append(this.group(axis));
    for (const [name, [label, values]] of Object.entries(options)) controls.append(this.choice(name, label, values));
    controls.append(this.slider(), this.box("apart", "each implementation by itself"), this.all());
    box.append(chips, controls);
  }

  group(axis) {
    const element = explorerTable.element;
    const group = element("fieldset");
    group.append(element("legend", axis.title));
    axis.values.forEach((value, index) => {
      const swatch = element("span", undefined, { class: "swatch", "aria-hidden": "true" });
      const chip = element("button", swatch, { type: "button", "aria-pressed": "false", "data-axis": axis.name, "data-value": value });
      chip.append(axis.labels[index]);
      chip.addEventListener("click", () => this.press(axis, value));
      this.chips.push({ axis, value, index, chip, swatch });
      group.append(chip);
    });
    return group;
  }

  // One more or one less; with all of them or none, nothing is left out.
  press(axis, value) {
    const before = this.state.chosen[axis.name] ?? [];
    const now = axis.values.filter((each) => before.includes(each) !== (each === value));
    const chosen = { ...this.state.chosen, [axis.name]: now };
    if (!now.length || now.length === axis.values.length) delete chosen[axis.name];
    this.change({ chosen, only: "" });
  }

  choice(name, label, values) {
    const element = explorerTable.element;
    const select = element("select", undefined, { name });
    for (const [value, text] of Object.entries(values)) select.append(element("option", text, { value }));
    select.addEventListener("change", () => this.change({ [name]: select.value, ...(name === "by" && { only: "" }) }));
    const field = element("label", label);
    field.append(select);
    field.hidden = Object.keys(values).length < 2;
    this.fields[name] = { field, input: select };
    return field;
  }

  slider() {
    const { epochs } = this.data;
    const element = explorerTable.element;
    const input = element("input", undefined, { type: "range", name: "epoch", min: 0, max: epochs.length - 1, step: 1 });
    const output = element("output");
    const moved = (lasting) => {
      const index = Number(input.value);
      this.change({ epoch: index === epochs.length - 1 ? null : epochs[index] }, lasting);
    };
    input.addEventListener("input", () => moved(false));
    input.addEventListener("change", () => moved(true));
    const field = element("label", "epoch");
    field.append(input, output);
    field.hidden = epochs.length < 2;
    this.fields.epoch = { field, input, output };
    return field;
  }

  box(name, text) {
    const element = explorerTable.element;
    const input = element("input", undefined, { type: "checkbox", name });
    input.addEventListener("change", () => this.change({ [name]: input.checked, only: "" }));
    const field = element("label", input);
    field.append(text);
    this.fields[name] = { field, input };
    return field;
  }

  all() {
    const button = explorerTable.element("button", "Show all", { type: "button" });
    button.addEventListener("click", () => this.change({ chosen: {}, only: "" }));
    this.everything = button;
    return button;
  }

  follow(view) {
    const { state, theme } = view;
    this.state = state;
    for (const { axis, value, index, chip, swatch } of this.chips) {
      chip.setAttribute("aria-pressed", String(Boolean(state.chosen[axis.name]?.includes(value))));
      swatch.hidden = axis !== view.colored;
      swatch.style.background = view.palette(axis, index);
    }
    for (const name of ["view", "metric", "scale", "by", "color"]) this.fields[name].input.value = state[name];
    this.fields.scale.field.hidden = !view.scaled;
    this.fields.by.field.hidden = view.kind === "heat" || this.data.axis("seed").values.length < 2;
    this.fields.color.field.hidden = view.kind === "heat" || this.data.varied.length < 2;
    this.fields.apart.field.hidden = view.kind === "cost" || !this.data.twins;
    this.fields.apart.input.checked = state.apart;
    const { epochs } = this.data;
    const { input, output } = this.fields.epoch;
    input.value = state.epoch === null ? epochs.length - 1 : epochs.indexOf(state.epoch);
    output.value = state.epoch === null ? `${epochs.at(-1)}, the last` : `${state.epoch} of ${epochs.at(-1)}`;
    input.setAttribute("aria-valuetext", output.value);
    this.everything.hidden = !state.only && !Object.keys(state.chosen).length;
  }
}
