// Known mistakes, by their names in the catalogue: the parts of the network that each of them replaces.
"use strict";

const liveMistakes = (() => {
  const { each, sum, row, matrix, softmax, logSoftmax, throughSoftmax, oneHot } = liveTraining;

  // Of every class, over the examples of the batch.
  function softmaxOverExamples(scores, labels) {
    const error = matrix(scores.rows, scores.columns);
    let loss = 0;
    for (let column = 0; column < scores.columns; column += 1) {
      const values = Float64Array.from({ length: scores.rows }, (_, index) => row(scores, index)[column]);
      const logs = logSoftmax(values);
      const own = sum(labels.map((label) => +(label === column)));
      for (let index = 0; index < scores.rows; index += 1) {
        const isLabel = labels[index] === column;
        if (isLabel) loss -= logs[index];
        error.values[index * scores.columns + column] = own * Math.exp(logs[index]) - isLabel;
      }
    }
    return { loss, error };
  }

  function softmaxTwice(scores, label) {
    const once = softmax(scores);
    const logs = logSoftmax(once);
    const byOnce = logs.map((log, index) => Math.exp(log) - (index === label));
    return { loss: -logs[label], error: throughSoftmax(once, byOnce) };
  }

  function squaredError(scores, label) {
    const q = softmax(scores);
    const apart = oneHot(label, q.length).map((target, index) => q[index] - target);
    return { loss: sum(apart.map((value) => value * value)), error: throughSoftmax(q, apart.map((value) => 2 * value)) };
  }

  // No maximum is taken off: from a score of 710 on, exp is infinite.
  function overflowing(scores, label) {
    const powers = scores.map(Math.exp);
    const total = sum(powers);
    const error = powers.map((power) => power / total);
    error[label] -= 1;
    return { loss: Math.log(total) - scores[label], error };
  }

  function pilesUp({ memory, rate }, name, gradient) {
    memory[name] = gradient.map((value, index) => value + (memory[name]?.[index] ?? 0));
    return memory[name].map((value) => rate * value);
  }

  // Each gets its settings, as the catalogue's own network has them.
  return {
    "summed-gradient": () => ({ factor: (count) => count }),
    "divided-twice": () => ({ factor: (count) => 1 / count }),
    "up-the-gradient": () => ({ factor: () => -1 }),
    "gradients-pile-up": () => ({ change: pilesUp }),
    "bias-not-trained": ({ untouched }) => ({
      change: ({ rate }, name, gradient) =>
        gradient.map((value) => (untouched.split(", ").includes(name) ? 0 : rate * value)),
    }),
    "derivative-forgotten": () => ({ slope: () => 1 }),
    "function-for-derivative": () => ({ slope: (of, z, own) => of.of(z, ...own) }),
    "z-for-activation": () => ({
      learnsFrom: (inputs, before, layer) => (layer > 1 ? before[layer - 2] : inputs[0]),
    }),
    "no-activation": () => ({ hidden: (of, z) => z, slope: () => 1 }),
    "softmax-over-examples": () => ({ losses: softmaxOverExamples }),
    "softmax-twice": () => ({ losses: each(softmaxTwice) }),
    "squared-error": () => ({ losses: each(squaredError) }),
    "weight-decay": ({ decay }) => ({
      change: ({ rate, values }, name, gradient) =>
        gradient.map((value, index) => rate * value + rate * decay * values[name].values[index]),
    }),
    "softmax-overflows": () => ({ losses: each(overflowing) }),
  };
})();
