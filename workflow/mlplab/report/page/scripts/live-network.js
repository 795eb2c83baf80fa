// A trained network that is carried in int8: what it says of an image, and what its hidden units do.
"use strict";

const liveNetwork = (() => {
  // Straight from point to point, and on beyond the ends.
  function fromTable([low, high, ...table]) {
    const last = table.length - 1;
    return (x) => {
      const place = ((x - low) / (high - low)) * last;
      const left = Math.min(Math.max(Math.floor(place), 0), last - 1);
      return table[left] + (place - left) * (table[left + 1] - table[left]);
    };
  }

  function activation(file, { activation: name, function: kind, parameters }, layer) {
    const values = (key) => file.tensors[`${name}/${key}${layer}`].values;
    if (kind === "table") return fromTable(values("f"));
    const own = parameters.map((parameter) => values(parameter)[0]);
    const { of } = liveFunctions[name];
    return own.length ? (x) => of(x, ...own) : of;
  }

  // The layers of a network of the file: weights (input by input) and biases as float64, and its activation.
  function layers(file, described) {
    const found = [];
    const tensor = (key) => file.tensors[`${described.activation}/${key}`];
    for (let layer = 1; tensor(`W${layer}`); layer += 1) {
      const { shape: [inputs, units], values } = tensor(`W${layer}`);
      const scale = tensor(`W${layer}.scale`).values;
      const weights = Float64Array.from(values, (step, index) => step * scale[index % units]);
      found.push({ inputs, units, weights, biases: Float64Array.from(tensor(`b${layer}`).values) });
    }
    found.slice(0, -1).forEach((each, index) => (each.of = activation(file, described, index + 1)));
    return found;
  }

  function affine({ units, weights, biases }, values) {
    const found = Float64Array.from(biases);
    for (let input = 0; input < values.length; input += 1) {
      const value = values[input];
      if (value === 0) continue;
      const row = input * units;
      for (let unit = 0; unit < units; unit += 1) found[unit] += value * weights[row + unit];
    }
    return found;
  }

  function softmax(scores) {
    const greatest = scores.reduce((a, b) => Math.max(a, b));
    const powers = scores.map((score) => Math.exp(score - greatest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }

  const greatest = (values) => values.reduce((best, value, index) => (value > values[best] ? index : best), 0);

  // The output of each hidden layer, the scores, the probabilities and the class, from pixels between 0 and 1.
  function look(network, pixels) {
    const hidden = [];
    let values = pixels;
    for (const layer of network) {
      values = affine(layer, values);
      if (layer.of) hidden.push((values = values.map(layer.of)));
    }
    return { hidden, scores: values, probabilities: softmax(values), predicted: greatest(values) };
  }

  return { layers, look, fromTable };
})();
