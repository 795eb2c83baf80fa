// What the live part is built of: elements, images on a canvas, a pad to draw on.
"use strict";

const liveParts = (() => {
  // An element with attributes (functions are listeners, true is "there") and children.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Grey pixels between 0 and 1, one dot each; the style sheet makes it as large as it is to be.
  function paint(canvas, pixels, width) {
    canvas.width = width;
    canvas.height = pixels.length / width;
    const image = new ImageData(canvas.width, canvas.height);
    pixels.forEach((value, index) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * index));
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // A pad of height × width pixels; `changed(pixels)` hears of each stroke.
  function pad({ height, width, label, describedBy }, changed) {
    const pixels = new Float64Array(height * width);
    const place = { x: Math.floor(width / 2), y: Math.floor(height / 2) };
    const canvas = make("canvas", {
      class: "live-pad",
      tabindex: "0",
      role: "application",
      "aria-label": label,
      "aria-describedby": describedBy,
    });
    // A pen is wider where there are more pixels.
    const reach = width >= 20 ? 1.6 : 0.8;
    let last = null;

    function redraw() {
      paint(canvas, pixels, width);
      if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
        const context = canvas.getContext("2d");
        context.fillStyle = "#e69f00";
        context.fillRect(place.x, place.y, 1, 1);
      }
    }

    function dot(x, y, value) {
      for (let row = Math.max(0, Math.floor(y - reach)); row <= Math.min(height - 1, y + reach); row += 1) {
        for (let column = Math.max(0, Math.floor(x - reach)); column <= Math.min(width - 1, x + reach); column += 1) {
          const ink = Math.min(1, Math.max(0, 1 + reach - 0.8 - Math.hypot(column - x, row - y)));
          const index = row * width + column;
          pixels[index] = value ? Math.max(pixels[index], ink) : Math.min(pixels[index], 1 - ink);
        }
      }
    }

    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const within = (share, size) => Math.min(size - 1, Math.max(0, share * size - 0.5));
      return {
        x: within((event.clientX - box.left) / box.width, width),
        y: within((event.clientY - box.top) / box.height, height),
      };
    };

    function stroke(event) {
      const next = at(event);
      const from = last ?? next;
      const steps = Math.max(1, Math.ceil(2 * Math.hypot(next.x - from.x, next.y - from.y)));
      for (let step = 1; step <= steps; step += 1) {
        const share = step / steps;
        dot(from.x + share * (next.x - from.x), from.y + share * (next.y - from.y), !event.shiftKey);
      }
      last = next;
      redraw();
      changed(pixels);
    }

    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      stroke(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (last) stroke(event);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
    canvas.addEventListener("keydown", (event) => {
      const step = KEYS[event.key];
      if (step) {
        place.x = Math.min(width - 1, Math.max(0, place.x + step[0]));
        place.y = Math.min(height - 1, Math.max(0, place.y + step[1]));
      } else if (event.key === " " || event.key === "Backspace") {
        dot(place.x, place.y, event.key === " ");
        changed(pixels);
      } else return;
      event.preventDefault();
      redraw();
    });
    for (const turn of ["focus", "blur"]) canvas.addEventListener(turn, redraw);

    function show(values) {
      pixels.set(values);
      redraw();
      return pixels;
    }
    show(pixels);
    return { canvas, show, clear: () => show(pixels.fill(0)) };
  }

  return { make, style, paint, pad };
})();
