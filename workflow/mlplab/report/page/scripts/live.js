// Starts the live part when a reader comes near it, and keeps what is chosen in the address.
"use strict";

const live = (() => {
  const START = "#live?";
  const chosen = new URLSearchParams(location.hash.startsWith(START) ? location.hash.slice(START.length) : "");

  const address = {
    get: (key) => chosen.get(key),
    set(values) {
      if (!live.touched) return;
      for (const [key, value] of Object.entries(values)) {
        if (value === "") chosen.delete(key);
        else chosen.set(key, value);
      }
      // A frame without an address of its own refuses.
      try {
        history.replaceState(null, "", START + chosen);
      } catch {}
    },
  };

  function start() {
    const parts = { "live-try": liveTry, "live-train": liveLesson };
    return Object.entries(parts).map(async ([id, part]) => {
      const root = document.getElementById(id);
      if (!root) return null;
      try {
        return await part.start(root, address);
      } catch (error) {
        root.append("This part does not run in this browser.");
        throw error;
      }
    });
  }

  return { start, address, chosen, touched: false, ready: null };
})();

{
  const section = document.getElementById("live");
  if (section && page.has("live")) {
    section.querySelector(".live-needs").hidden = true;
    section.addEventListener("input", () => (live.touched = true), { capture: true, once: true });
    const near = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        near.disconnect();
        live.ready = Promise.all(live.start());
      },
      { rootMargin: "800px" },
    );
    near.observe(section);
    if (location.hash.startsWith("#live?")) land(section, "instant");
  }
}
