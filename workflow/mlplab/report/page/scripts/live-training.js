// A network that learns, in float64: forward, loss, gradient and step as parts that a known mistake replaces.
"use strict";

const liveTraining = (() => {
  const matrix = (rows, columns) => ({ rows, columns, values: new Float64Array(rows * columns) });
  const mapped = (a, change) => ({ ...a, values: a.values.map(change) });

  // a b.
  function times(a, b) {
    const found = matrix(a.rows, b.columns);
    for (let row = 0; row < a.rows; row += 1) {
      for (let inner = 0; inner < a.columns; inner += 1) {
        const value = a.values[row * a.columns + inner];
        for (let column = 0; column < b.columns; column += 1) {
          found.values[row * b.columns + column] += value * b.values[inner * b.columns + column];
        }
      }
    }
    return found;
  }

  function transposed(a) {
    const found = matrix(a.columns, a.rows);
    for (let row = 0; row < a.rows; row += 1) {
      for (let column = 0; column < a.columns; column += 1) {
        found.values[column * a.rows + row] = a.values[row * a.columns + column];
      }
    }
    return found;
  }

  const row = (a, index) => a.values.subarray(index * a.columns, (index + 1) * a.columns);
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  function sumOfRows(a) {
    const found = new Float64Array(a.columns);
    for (let index = 0; index < a.values.length; index += 1) found[index % a.columns] += a.values[index];
    return found;
  }

  // The place of the greatest value; of one that is no number, as the framework has it.
  function greatest(values) {
    let best = 0;
    for (let index = 1; index < values.length; index += 1) {
      const better = values[index] > values[best] || Number.isNaN(values[index]);
      if (better && !Number.isNaN(values[best])) best = index;
    }
    return best;
  }

  // log Σ exp(values), with the greatest taken off first.
  function logSum(values) {
    const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
    return most + Math.log(sum(values.map((value) => Math.exp(value - most))));
  }

  const logSoftmax = (values) => {
    const total = logSum(values);
    return values.map((value) => value - total);
  };
  const softmax = (values) => logSoftmax(values).map(Math.exp);

  // From the derivative by the probabilities q of an example that by its scores.
  function throughSoftmax(q, byQ) {
    const mean = sum(q.map((value, index) => value * byQ[index]));
    return q.map((value, index) => value * (byQ[index] - mean));
  }

  const oneHot = (label, classes) => Float64Array.from({ length: classes }, (_, index) => +(index === label));

  // Of each example on its own: `one(scores, label)` gives its loss and the derivative by its scores.
  const each = (one) => (scores, labels) => {
    const error = matrix(scores.rows, scores.columns);
    let loss = 0;
    for (let index = 0; index < scores.rows; index += 1) {
      const found = one(row(scores, index), labels[index]);
      loss += found.loss;
      error.values.set(found.error, index * scores.columns);
    }
    return { loss, error };
  };

  function crossEntropy(scores, label) {
    const logs = logSoftmax(scores);
    const error = logs.map(Math.exp);
    error[label] -= 1;
    return { loss: -logs[label], error };
  }

  // The parts of the right network. `own` are the activation's parameters in a layer.
  const RIGHT = {
    hidden: (of, z, own) => of.of(z, ...own),
    slope: (of, z, own) => of.slope(z, ...own),
    losses: each(crossEntropy),
    learnsFrom: (inputs, before, layer) => inputs[layer - 1],
    factor: () => 1,
    change: (network, name, gradient) => gradient.map((value) => network.rate * value),
  };

  // A network from its first parameters, by name: { rows, columns, values }. `parts` replace those of the right one.
  function begin(start, activation, rate, parts = {}) {
    const values = {};
    for (const [name, each] of Object.entries(start)) values[name] = { ...each, values: Float64Array.from(each.values) };
    const depth = Object.keys(values).filter((name) => /^W\d+$/.test(name)).length;
    return { values, depth, activation, rate, parts: { ...RIGHT, ...parts }, memory: {} };
  }

  const ownOf = (network, layer) => network.activation.learned.map((name) => network.values[`${name}${layer}`].values[0]);

  // The inputs of each layer and its x W + b.
  function forward(network, images) {
    const inputs = [images];
    const before = [];
    for (let layer = 1; layer <= network.depth; layer += 1) {
      const z = times(inputs[layer - 1], network.values[`W${layer}`]);
      const biases = network.values[`b${layer}`].values;
      for (let index = 0; index < z.values.length; index += 1) z.values[index] += biases[index % z.columns];
      before.push(z);
      if (layer < network.depth) {
        const own = ownOf(network, layer);
        inputs.push(mapped(z, (value) => network.parts.hidden(network.activation, value, own)));
      }
    }
    return { inputs, before };
  }

  function correct(scores, labels) {
    let right = 0;
    for (let index = 0; index < scores.rows; index += 1) right += greatest(row(scores, index)) === labels[index];
    return right;
  }

  // The derivatives by the parameters, of the mean loss, from those of the summed loss by the scores.
  function gradient(network, inputs, before, error, count) {
    const { parts, activation } = network;
    const found = {};
    let sent = mapped(error, (value) => value / count);
    for (let layer = network.depth; layer > 0; layer -= 1) {
      found[`W${layer}`] = times(transposed(parts.learnsFrom(inputs, before, layer)), sent).values;
      found[`b${layer}`] = sumOfRows(sent);
      if (layer === 1) break;
      const z = before[layer - 2].values;
      const own = ownOf(network, layer - 1);
      const returned = times(sent, transposed(network.values[`W${layer}`]));
      activation.learned.forEach((name, which) => {
        const total = sum(returned.values.map((value, index) => value * activation.slopesBy(z[index], ...own)[which]));
        found[`${name}${layer - 1}`] = Float64Array.of(total);
      });
      sent = mapped(returned, (value, index) => value * parts.slope(activation, z[index], own));
    }
    const factor = parts.factor(count);
    for (const name of Object.keys(found)) found[name] = found[name].map((value) => factor * value);
    return found;
  }

  // One step with a batch. Returns the mean loss and the number of right predictions before it.
  function step(network, images, labels) {
    const { inputs, before } = forward(network, images);
    const scores = before[network.depth - 1];
    const { loss, error } = network.parts.losses(scores, labels);
    const gradients = gradient(network, inputs, before, error, images.rows);
    for (const [name, { values }] of Object.entries(network.values)) {
      const change = network.parts.change(network, name, gradients[name]);
      for (let index = 0; index < values.length; index += 1) values[index] -= change[index];
    }
    return { loss: loss / images.rows, correct: correct(scores, labels) };
  }

  // How many images a network gets right.
  function right(network, images, labels) {
    return correct(forward(network, images).before[network.depth - 1], labels);
  }

  // Some images, by their places among all.
  function chosen(images, places) {
    const found = matrix(places.length, images.columns);
    places.forEach((place, index) => found.values.set(row(images, place), index * images.columns));
    return found;
  }

  return { begin, step, right, chosen, matrix, row, sum, each, softmax, logSoftmax, throughSoftmax, oneHot };
})();
