// Numbers as the tables of the page print them (report/wording.py).
"use strict";

const explorerNumbers = {
  // Fixed decimals; of two that are equally near, the even one, as Python has it.
  fixed(value, decimals) {
    const exact = Math.abs(value).toFixed(Math.min(decimals + 60, 100));
    const end = exact.length - (Math.min(decimals + 60, 100) - decimals);
    const tie = /^50*$/.test(exact.slice(end));
    const kept = exact.slice(0, end).replace(/\.$/, "");
    const text = tie && Number(kept.at(-1)) % 2 === 0 ? kept : Math.abs(value).toFixed(decimals);
    return (value < 0 ? "\u2212" : "") + text;
  },

  rounded(value, digits) {
    if (value === 0) return "0";
    const exponent = Math.floor(Math.log10(Math.abs(value)));
    if (exponent >= -4) return explorerNumbers.fixed(value, Math.max(digits - 1 - exponent, 0));
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    const superscript = power.replace(/[-\d]/g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
    return `${mantissa} × 10${superscript}`.replaceAll("-", "\u2212");
  },

  printed(metric, value) {
    if (value === null) return "—";
    if (metric.significant) return explorerNumbers.rounded(value, metric.digits);
    if (metric.digits) return explorerNumbers.fixed(value, metric.digits);
    return explorerNumbers.fixed(value, 0).replace(/\B(?=(\d{3})+$)/g, ",");
  },
};
