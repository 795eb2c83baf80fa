// The activations by their formulas, in float64: of(x), slope(x), and what is learned of them (prelu's α).
"use strict";

const liveFunctions = (() => {
  const sigmoid = (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

  // Σ c[i] xⁱ.
  const polynomial = (c, x) => c.reduceRight((sum, each) => sum * x + each, 0);

  // The error function to the last digits, by rational approximations on four intervals, with the coefficients of
  // fdlibm's s_erf.c: "Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun
  // Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software is freely granted,
  // provided that this notice is preserved."
  const SMALL = [
    [1.28379167095512558561e-1, -3.25042107247001499370e-1, -2.84817495755985104766e-2, -5.77027029648944159157e-3,
      -2.37630166566501626084e-5],
    [1, 3.97917223959155352819e-1, 6.50222499887672944485e-2, 5.08130628187576562776e-3, 1.32494738004321644526e-4,
      -3.96022827877536812320e-6],
  ];
  const NEAR_ONE = [
    [-2.36211856075265944077e-3, 4.14856118683748331666e-1, -3.72207876035701323847e-1, 3.18346619901161753674e-1,
      -1.10894694282396677476e-1, 3.54783043256182359371e-2, -2.16637559486879084300e-3],
    [1, 1.06420880400844228286e-1, 5.40397917702171048937e-1, 7.18286544141962662868e-2, 1.26171219808761642112e-1,
      1.36370839120290507362e-2, 1.19844998467991074170e-2],
  ];
  const MIDDLE = [
    [-9.86494403484714822705e-3, -6.93858572707181764372e-1, -1.05586262253232909814e1, -6.23753324503260060396e1,
      -1.62396669462573470355e2, -1.84605092906711035994e2, -8.12874355063065934246e1, -9.81432934416914548592],
    [1, 1.96512716674392571292e1, 1.37657754143519042600e2, 4.34565877475229228821e2, 6.45387271733267880336e2,
      4.29008140027567833386e2, 1.08635005541779435134e2, 6.57024977031928170135, -6.04244152148580987438e-2],
  ];
  const FAR = [
    [-9.86494292470009928597e-3, -7.99283237680523006574e-1, -1.77579549177547519889e1, -1.60636384855821916062e2,
      -6.37566443368389627722e2, -1.02509513161107724954e3, -4.83519191608651397019e2],
    [1, 3.03380607434824582924e1, 3.25792512996573918826e2, 1.53672958608443695994e3, 3.19985821950859553908e3,
      2.55305040643316442583e3, 4.74528541206955367215e2, -2.24409524465858183362e1],
  ];
  const quotient = ([above, below], x) => polynomial(above, x) / polynomial(below, x);

  function erf(x) {
    const size = Math.abs(x);
    if (size < 0.84375) return x + x * quotient(SMALL, x * x);
    let found = 1;
    if (size < 1.25) found = 8.45062911510467529297e-1 + quotient(NEAR_ONE, size - 1);
    else if (size < 6) {
      const part = quotient(size < 1 / 0.35 ? MIDDLE : FAR, 1 / (size * size));
      // exp(-x²) of a rounded x and of what was rounded off: the square of x itself would lose digits.
      const rounded = Math.fround(size);
      const power = Math.exp(-rounded * rounded - 0.5625) * Math.exp((rounded - size) * (rounded + size) + part);
      found = 1 - power / size;
    }
    return Number.isNaN(x) ? NaN : Math.sign(x) * found;
  }

  const share = (x) => 0.5 * (1 + erf(x * Math.SQRT1_2));
  const withTanh = (x) => Math.tanh(softplus(x));
  const plain = (of, slope) => ({ of, slope, learned: [], slopesBy: () => [] });

  return {
    erf,
    elu: plain((x) => (x > 0 ? x : Math.expm1(x)), (x) => Math.exp(Math.min(x, 0))),
    gelu: plain((x) => x * share(x), (x) => share(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)),
    identity: plain((x) => x, () => 1),
    leaky_relu: plain((x) => (x > 0 ? x : 0.01 * x), (x) => (x > 0 ? 1 : 0.01)),
    mish: plain((x) => x * withTanh(x), (x) => withTanh(x) + x * (1 - withTanh(x) ** 2) * sigmoid(x)),
    prelu: {
      of: (x, alpha) => (x > 0 ? x : alpha * x),
      slope: (x, alpha) => (x > 0 ? 1 : alpha),
      learned: ["alpha"],
      slopesBy: (x) => [Math.min(x, 0)],
    },
    relu: plain((x) => (x > 0 ? x : 0), (x) => (x > 0 ? 1 : 0)),
    sigmoid: plain(sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))),
    silu: plain((x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    softplus: plain(softplus, sigmoid),
    tanh: plain(Math.tanh, (x) => 1 - Math.tanh(x) ** 2),
  };
})();
