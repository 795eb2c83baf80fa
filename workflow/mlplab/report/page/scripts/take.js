// Figures as SVG, PNG and CSV, tables as CSV, LaTeX and Markdown: made here, of what the page carries.
"use strict";

const take = {
  // Element → a function that gives a chart as SVG text, where its picture is not the one to take.
  charts: new Map(),

  download(name, content, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  },

  // A picture on white paper, whatever the page's colours: style sheets do not go along.
  svg(picture) {
    const copy = picture.cloneNode(true);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("font-family", "system-ui, Helvetica, Arial, sans-serif");
    const [, , width, height] = copy.getAttribute("viewBox")?.split(" ") ?? [];
    if (width) for (const [name, value] of [["width", width], ["height", height]]) copy.setAttribute(name, `${value}pt`);
    return new XMLSerializer()
      .serializeToString(copy)
      .replace(/; (?:fill|stroke): light-dark\([^)]*\)/g, "")
      .replace(/var\(--\w+, (#\w+)\)/g, "$1")
      .replaceAll("currentColor", "#000000");
  },

  // Colours of what is drawn on paper, which is white whatever the page is.
  PAPER: { ground: "#ffffff", raised: "#ffffff", text: "#000000", soft: "#444444", line: "#cccccc", bad: "#a4320a", blue: "#0072b2" },
  FONT: "Helvetica, Arial, sans-serif",

  // A chart of ECharts as SVG text; `finish(chart)` does what takes the sizes of the drawn one.
  drawn(option, { width = 900, height = 420, finish } = {}) {
    const paper = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
    paper.setOption({ ...option, backgroundColor: take.PAPER.ground, animation: false });
    finish?.(paper);
    const text = paper.renderToSVGString();
    paper.dispose();
    return text;
  },

  // Drawn twice as large, so that it is sharp in print.
  async png(text) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  },

  // What a table shows now, in its order: headings, whether each column is of numbers, and rows.
  shown(table) {
    const words = (cell) => {
      const note = cell.querySelector("small")?.textContent.trim();
      const main = cell.querySelector("strong") ?? cell;
      const parts = [...main.childNodes].filter((node) => node.nodeName !== "SMALL");
      const text = parts.map((node) => node.textContent).join("").replace(/\s+/g, " ").trim();
      return note ? `${text} (${note})` : text;
    };
    const headings = [...table.tHead.rows[0].cells];
    // Links lead nowhere on paper.
    const kept = headings.map((cell, index) => index).filter((index) => !headings[index].hasAttribute("data-links"));
    const row = (cells) => kept.map((index) => words(cells[index]));
    return {
      columns: row(headings),
      numeric: kept.map((index) => headings[index].classList.contains("number")),
      rows: [...table.tBodies[0].rows].filter((each) => !each.hidden).map((each) => row(each.cells)),
    };
  },

  csv({ columns, rows }) {
    const field = (value) => {
      const text = String(value ?? "");
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
  },

  markdown({ columns, numeric, rows }) {
    const line = (cells) => `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |\n`;
    const rule = `|${numeric.map((is) => (is ? "---:" : "---")).join("|")}|\n`;
    return line(columns) + rule + rows.map(line).join("");
  },

  // For \usepackage{booktabs}.
  latex({ columns, numeric, rows }, caption) {
    const line = (cells) => `    ${cells.map(take.tex).join(" & ")} \\\\\n`;
    const kinds = numeric.map((is) => (is ? "r" : "l")).join("");
    return [
      "% needs \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n",
      `  \\caption{${take.tex(caption)}}\n  \\begin{tabular}{${kinds}}\n    \\toprule\n`,
      line(columns),
      "    \\midrule\n",
      ...rows.map(line),
      "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n",
    ].join("");
  },

  tex(text) {
    const signs = {
      "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
      "−": "$-$", "±": "$\\pm$", "×": "$\\times$", "÷": "$\\div$", "≤": "$\\leq$", "≠": "$\\neq$", "<": "$<$", ">": "$>$",
      "√": "$\\surd$", "µ": "$\\mu$", "–": "--", "—": "---", "’": "'", "“": "``", "”": "''", "\u00a0": "~",
    };
    const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
    return text
      .replace(/[#$%&_{}]|[\\~^−±×÷≤≠<>√µ–—’“”\u00a0]/g, (sign) => signs[sign] ?? `\\${sign}`)
      .replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/g, (power) => `$^{${[...power].map((sign) => "0123456789-"[digits.indexOf(sign)]).join("")}}$`);
  },

  // The whole table with all of its digits; where the page does not carry it, what is shown.
  async table(name, shown) {
    const carried = page.has("tables") ? (await page.json("tables"))[name] : undefined;
    return carried ?? (shown ? take.csv(shown()) : undefined);
  },

  button(text, title, pressed) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", title);
    button.addEventListener("click", pressed);
    return button;
  },

  bar(label, buttons) {
    const bar = document.createElement("div");
    bar.className = "take";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", label);
    bar.append(...buttons);
    return bar;
  },

  pictures(name, drawn) {
    return [
      take.button("SVG", `${name} as SVG`, () => take.download(`${name}.svg`, drawn(), "image/svg+xml")),
      take.button("PNG", `${name} as PNG`, async () => take.download(`${name}.png`, await take.png(drawn()))),
    ];
  },

  // A link to what stands there; in MLflow’s frame there is no address to share.
  link(name, address) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = "Link";
    link.setAttribute("aria-label", `link to ${name}`);
    return location.protocol === "blob:" ? [] : [link];
  },

  // What a script draws: `drawn()` is its SVG, `values()` its numbers.
  chart(name, drawn, values, further = []) {
    const save = () => take.download(`${name}.csv`, take.csv(values()), "text/csv");
    const buttons = [...take.pictures(name, drawn), take.button("CSV", `the numbers of ${name}, ${name}.csv`, save)];
    return take.bar(`Take along: ${name}`, [...buttons, ...further]);
  },

  figure(figure) {
    const name = figure.id.replace("figure-", "");
    const image = figure.querySelector("img");
    const drawn = () => take.charts.get(figure)?.() ?? take.svg(figure.querySelector("svg"));
    const asItIs = () => take.download(`${name}.png`, page.decoded(image.src.split(",")[1]), "image/png");
    const buttons = image ? [take.button("PNG", `${name} as PNG`, asItIs)] : take.pictures(name, drawn);
    const { table } = figure.dataset;
    if (table) {
      const save = async () => {
        const text = await take.table(table);
        if (text !== undefined) take.download(`${table}.csv`, text, "text/csv");
        else location.href = `tables/${table}.csv`;
      };
      buttons.push(take.button("CSV", `the numbers of ${name}, ${table}.csv`, save));
    }
    figure.append(take.bar(`Take along: ${name}`, [...buttons, ...take.link(name, `#${figure.id}`)]));
  },

  // `values()` are the numbers of a table that a script writes.
  dataTable(table, name = table.dataset.file, caption = table.caption.textContent, values = null) {
    const shown = () => take.shown(table);
    const whole = async () => (values ? take.csv(values()) : take.table(name, shown));
    const bar = take.bar(`Take along: ${caption}`, [
      take.button("CSV", `${caption} as CSV`, async () => take.download(`${name}.csv`, await whole(), "text/csv")),
      take.button("LaTeX", `${caption} as LaTeX`, () => take.download(`${name}.tex`, take.latex(shown(), caption), "text/plain")),
      take.button("Markdown", `${caption} as Markdown`, () => take.download(`${name}.md`, take.markdown(shown()), "text/plain")),
    ]);
    table.parentElement.after(bar);
    return bar;
  },
};

for (const figure of document.querySelectorAll("figure[id]")) take.figure(figure);
for (const table of document.querySelectorAll("table[data-file]")) take.dataTable(table);

for (const text of document.querySelectorAll("pre[data-copy]")) {
  const copy = async () => {
    // Without a permission, as in a frame, it is selected for the reader to copy.
    const kept = await navigator.clipboard?.writeText(text.textContent).then(() => true, () => false);
    if (kept) button.textContent = "Copied";
    else getSelection().selectAllChildren(text);
  };
  const button = take.button("Copy", `Copy ${text.dataset.copy}`, copy);
  button.className = "copy";
  text.after(button);
}

for (const text of document.querySelectorAll("pre[data-save]")) {
  const { save } = text.dataset;
  const button = take.button(`Save as ${save}`, `Save as ${save}`, () => take.download(save, text.textContent, "text/plain"));
  button.className = "copy";
  text.after(button);
}
