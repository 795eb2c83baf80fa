// Colours and fonts of the page for its charts, on a light and on a dark ground.
"use strict";

const explorerTheme = {
  read() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      ...Object.fromEntries(["ground", "text", "soft", "line", "bad"].map((name) => [name, color(name)])),
      font: getComputedStyle(document.body).fontFamily,
    };
  },

  channels(color) {
    return [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  },

  mixed(color, other, share) {
    const [from, to] = [color, other].map(explorerTheme.channels);
    return `#${from.map((value, index) => Math.round(value + share * (to[index] - value)).toString(16).padStart(2, "0")).join("")}`;
  },

  luminance(color) {
    const [red, green, blue] = explorerTheme.channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  },

  contrast(color, other) {
    const [low, high] = [color, other].map(explorerTheme.luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  },

  // The colour, nearer to that of the text until a line in it is seen on the ground (WCAG: 3 to 1; more where it is dark).
  readable(color, { ground, text }) {
    const least = explorerTheme.luminance(ground) < 0.2 ? 4.5 : 3;
    for (let share = 0; share < 1; share += 0.1) {
      const tried = explorerTheme.mixed(color, text, share);
      if (explorerTheme.contrast(tried, ground) >= least) return tried;
    }
    return text;
  },
};
