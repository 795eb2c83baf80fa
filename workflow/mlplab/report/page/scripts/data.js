// What the page carries, compressed: `await page.json("runs")`, `await page.bytes("digits")`, `await page.library("echarts")`.
"use strict";

const page = {
  has(name) {
    return document.getElementById(`packed-${name}`) !== null;
  },

  // Bytes that are written in base64.
  decoded(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  },

  async unpacked(name) {
    const stored = page.decoded(document.getElementById(`packed-${name}`).textContent);
    const stream = new Blob([stored]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream);
  },

  async bytes(name) {
    return (await page.unpacked(name)).arrayBuffer();
  },

  async json(name) {
    return (await page.unpacked(name)).json();
  },

  // Runs a script that the page carries, once.
  libraries: {},
  library(name) {
    page.libraries[name] ??= page.unpacked(name).then(async (answer) => {
      const script = document.createElement("script");
      script.textContent = await answer.text();
      document.head.append(script);
    });
    return page.libraries[name];
  },
};
