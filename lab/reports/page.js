/* What a page adds where scripts run: tables that sort, fewer places to halt at for who presses Tab, and runs drawn along
   their steps. Without it all is there to read. */
"use strict";

/* ---- Tables: a click or a key on a heading sorts by its column, upwards, then downwards. ---- */

const ABSENT = "–";

/** The number that a cell begins with, or NaN: "12,300 of 20,000" is 12300, "−0.2 [−0.3, 0.1]" is −0.2. */
function numberOf(text) {
  const found = /^[+\-−]?(\d[\d,]*\.?\d*|\.\d+)(e[+\-]?\d+)?/i.exec(text);
  return found ? Number(found[0].replaceAll(",", "").replace("−", "-")) : NaN;
}

function sortBy(table, place, downwards) {
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: row.cells[place].textContent.trim() }));
  const there = rows.filter(({ text }) => text !== ABSENT);
  const numeric = there.every(({ text }) => !Number.isNaN(numberOf(text)));
  const compare = numeric
    ? (a, b) => numberOf(a.text) - numberOf(b.text)
    : (a, b) => a.text.localeCompare(b.text, undefined, { numeric: true });
  there.sort(downwards ? (a, b) => compare(b, a) : compare);
  const absent = rows.filter(({ text }) => text === ABSENT);
  table.tBodies[0].append(...[...there, ...absent].map(({ row }) => row));
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const downwards = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", downwards ? "descending" : "ascending");
      sortBy(table, place, downwards);
    });
  });
}

/* ---- Boxes around tables: a place of their own for the keyboard only where there is something to scroll to. ---- */

const REGION = ["tabindex", "role", "aria-labelledby"];

function makeScrollable(box) {
  const given = REGION.map((name) => [name, box.getAttribute(name)]);
  const look = () => {
    const scrolls = box.scrollWidth > box.clientWidth;
    given.forEach(([name, value]) => (scrolls ? box.setAttribute(name, value) : box.removeAttribute(name)));
  };
  const observer = new ResizeObserver(look);
  [box, ...box.children].forEach((each) => observer.observe(each));
  look();
}

/* ---- Along the steps: one slider moves every run of its row. ---- */

const PLAY_SECONDS = 8;
const TRAIL = 1 / 8;
const FRESH = 4.5, OLD = 3.2; // to one: how far what was drawn last and what is older stand out; WCAG 1.4.11 asks for 3
const still = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

const numbers = (text) => (text ? text.split(",").map(Number) : []);

/** How many of these rising steps are at most `step`. */
function reached(steps, step) {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Red, green and blue of "#0072b2", or of "rgb(0, 114, 178)". */
const parts = (text) => (text.startsWith("#")
  ? [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16))
  : text.match(/[\d.]+/g).slice(0, 3).map(Number));
const mixed = (one, other, share) => one.map((value, index) => Math.round(value + share * (other[index] - value)));
const css = (colour) => `rgb(${colour.join(" ")})`;

/** The colour of a phase in [0, 1], between the two of `colours` that it lies between. */
function colourOf(colours, phase) {
  const place = phase * (colours.length - 1), first = Math.floor(place);
  return mixed(parts(colours[first]), parts(colours[Math.min(first + 1, colours.length - 1)]), place - first);
}

function luminance(colour) {
  const [red, green, blue] = colour.map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** A colour that stands out from `paper` by `ratio`: with ink in it where it would by less, with paper where by more. */
function standing(colour, paper, ink, ratio) {
  const faint = contrast(colour, paper) < ratio, other = faint ? ink : paper;
  let low = 0, high = 1;
  for (let turn = 0; turn < 10; turn++) {
    const middle = (low + high) / 2;
    if (contrast(mixed(colour, other, middle), paper) < ratio === faint) low = middle;
    else high = middle;
  }
  return mixed(colour, other, faint ? high : low);
}

/** The same, but as it is where it stands out by more. */
const atLeast = (colour, paper, ink, ratio) =>
  (contrast(colour, paper) < ratio ? standing(colour, paper, ink, ratio) : colour);

/** What a page is written with, and on. */
function inkAndPaper() {
  const { color, backgroundColor } = getComputedStyle(document.body);
  return [parts(color), parts(backgroundColor)];
}

/** About four round numbers in a range. */
function ticks(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((digit) => digit * power).find((each) => each >= rough);
  const found = [];
  for (let index = Math.ceil(low / size); index * size <= high; index++) found.push(Number((index * size).toPrecision(6)));
  return found;
}

class Trail {
  constructor(canvas) {
    const { steps, phase, x, y, limits, colours, labels } = canvas.dataset;
    this.canvas = canvas;
    [this.steps, this.phase, this.x, this.y, this.limits] = [steps, phase, x, y, limits].map(numbers);
    this.plain = this.phase.map((value) => colourOf(colours.split(","), value));
    this.labels = labels.split("|");
    this.step = Infinity;
    canvas.hidden = false;
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.mix();
    dark.addEventListener("change", () => { this.mix(); this.draw(); });
  }

  mix() {
    const [ink, paper] = inkAndPaper();
    this.fresh = this.plain.map((colour) => css(atLeast(colour, paper, ink, FRESH)));
    this.old = this.plain.map((colour) => css(standing(colour, paper, ink, OLD)));
  }

  show(step, last) {
    this.step = step;
    this.since = step - TRAIL * last;
    this.draw();
  }

  draw() {
    const { canvas } = this, width = canvas.clientWidth, height = canvas.clientHeight, dense = devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * dense;
    canvas.height = height * dense;
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
    const [left, right, bottom, top] = this.limits, box = { left: 52, right: width - 8, top: 8, bottom: height - 40 };
    const across = (value) => box.left + ((value - left) / (right - left)) * (box.right - box.left);
    const up = (value) => box.bottom - ((value - bottom) / (top - bottom)) * (box.bottom - box.top);
    pen.scale(dense, dense);
    pen.font = `13px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.strokeStyle = style.borderTopColor;
    pen.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    pen.textAlign = "center";
    ticks(left, right).forEach((value) => pen.fillText(value, across(value), box.bottom + 16));
    pen.fillText(this.labels[0], (box.left + box.right) / 2, height - 6);
    pen.textAlign = "right";
    ticks(bottom, top).forEach((value) => pen.fillText(value, box.left - 5, up(value) + 4));
    pen.save();
    pen.translate(13, (box.top + box.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(this.labels[1], 0, 0);
    pen.restore();
    pen.beginPath();
    pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    pen.clip();
    this.path(pen, across, up);
  }

  path(pen, across, up) {
    const count = reached(this.steps, this.step);
    pen.lineCap = "round";
    for (let index = 1; index < count; index++) {
      const fresh = this.steps[index] > this.since;
      pen.lineWidth = fresh ? 3 : 1.2;
      pen.strokeStyle = (fresh ? this.fresh : this.old)[index - 1];
      pen.beginPath();
      pen.moveTo(across(this.x[index - 1]), up(this.y[index - 1]));
      pen.lineTo(across(this.x[index]), up(this.y[index]));
      pen.stroke();
    }
    if (!count) return;
    pen.beginPath();
    pen.arc(across(this.x[count - 1]), up(this.y[count - 1]), 6, 0, 2 * Math.PI);
    pen.fill();
  }
}

/** The strip that says which colour is which phase, in those that the path has. */
function makeKey(strip) {
  const draw = () => {
    const [ink, paper] = inkAndPaper(), colours = strip.dataset.colours.split(",");
    const shown = Array.from({ length: 33 }, (_, index) =>
      css(atLeast(colourOf(colours, index / 32), paper, ink, FRESH)));
    strip.style.background = `linear-gradient(90deg, ${shown.join(", ")})`;
  };
  dark.addEventListener("change", draw);
  strip.closest(".key").hidden = false;
  draw();
}

function makeAlong(part) {
  const slider = part.querySelector("input"), play = part.querySelector("button"), told = part.querySelector("output");
  const stops = numbers(part.dataset.stops), last = stops.at(-1);
  const trails = [...part.querySelectorAll("canvas")].map((canvas) => new Trail(canvas));
  const films = [...part.querySelectorAll(".frames")].map((film) => {
    const frames = [...film.children];
    return { frames, steps: frames.map((frame) => Number(frame.dataset.step)) };
  });
  let playing = 0;

  function show() {
    const step = stops[slider.value], words = `${part.dataset.unit} ${step.toLocaleString("en")}`;
    told.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    for (const { frames, steps } of films) {
      const now = Math.max(0, reached(steps, step) - 1);
      frames.forEach((frame, index) => { frame.hidden = index !== now; });
    }
    trails.forEach((trail) => trail.show(step, last));
  }

  function name(word) {
    play.textContent = word;
    play.setAttribute("aria-label", `${word} ${part.dataset.runs}`);
  }

  // What changes with every frame is not read out; where it came to a halt is.
  function stop() {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = 0;
    name("Play");
    told.setAttribute("aria-live", "polite");
    setTimeout(() => { if (!playing) told.replaceChildren(told.textContent); }, 100);
  }

  function begin() {
    const from = Number(slider.value) === stops.length - 1 ? 0 : Number(slider.value), since = performance.now();
    const tick = (now) => {
      const place = from + Math.floor(((now - since) / 1000 / PLAY_SECONDS) * stops.length);
      slider.value = place;
      show();
      if (place >= stops.length - 1) stop();
      else playing = requestAnimationFrame(tick);
    };
    name("Pause");
    told.setAttribute("aria-live", "off");
    playing = requestAnimationFrame(tick);
  }

  slider.max = stops.length - 1;
  slider.value = stops.length - 1;
  slider.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", () => (playing ? stop() : begin()));
  const calm = () => { stop(); play.hidden = still.matches; }; // who wants no motion moves the slider
  still.addEventListener("change", calm);
  calm();
  part.classList.add("live");
  part.querySelector(".controls").hidden = false;
  show();
}

document.querySelectorAll("table").forEach((table) => table.tBodies[0].rows.length > 1 && makeSortable(table));
document.querySelectorAll(".scroll").forEach(makeScrollable);
document.querySelectorAll(".phases").forEach(makeKey);
document.querySelectorAll(".along").forEach(makeAlong);
