// The cards, the frames of modules, the arrows; and where they stand when modules are collapsed.

const data = JSON.parse(document.getElementById("data").textContent);
const world = document.getElementById("world");
const arrowLayer = document.getElementById("arrows");
const COLLAPSED = { w: 320, h: 54 };
const HEADER = 32, MARGIN = 12, GAP = 34; // pixels; a gap between rows is never wider
const INSET = 14; // of a closed module in its place, so that arrows between two can be seen

const cards = new Map(data.cards.map(card => [card.id, card]));
const modules = new Map(data.modules.map(module => [module.path, module]));
const collapsed = new Set();

// The modules something stands in, innermost first.
function* around(path) {
  for (let module = modules.get(path); module; module = modules.get(module.parent)) yield module;
}

// The outermost collapsed module that hides a card or module, if any.
function shelter(path) {
  let found = null;
  for (const module of around(path)) if (collapsed.has(module.path)) found = module;
  return found;
}

function build() {
  let turn = 0;
  for (const module of modules.values()) {
    module.depth = [...around(module.path)].length;
    module.inside = data.cards.filter(c => [...around(c.module)].includes(module));
    module.tint = `var(--frame-${(module.depth - 1 + turn++) % 3})`;
    const mark = element("span", { class: "mark", "aria-hidden": "true" });
    const button = element("button", { type: "button" },
      mark, element("b", {}, module.path), element("span", { class: "kind" }, ` (${module.kind})`));
    const frame = element("section", { class: "frame", "data-path": module.path, "aria-label": `module ${module.path}` },
      button, element("div", { class: "inside" }));
    button.addEventListener("click", () => toggle(module.path));
    module.frame = frame;
    module.button = button;
    world.append(frame);
  }
  for (const card of cards.values()) {
    card.element = cardElement(card);
    world.append(card.element);
  }
  for (const arrow of data.arrows) {
    arrow.forward = svgElement("path", { "marker-end": "url(#tip)" });
    if (!arrow.tracked) arrow.forward.classList.add("untracked");
    arrowLayer.append(arrow.forward);
    if (arrow.tracked) {
      arrow.backward = svgElement("path", { class: "gradient", "marker-start": "url(#tip-back)" });
      arrowLayer.append(arrow.backward);
    }
  }
}

function cardElement(card) {
  const first = element("span", {}, element("span", { class: "title" }, card.title));
  if (card.formula) first.append(element("span", { class: "formula" }, card.formula));
  const second = element("span", {},
    element("span", { class: "shape" }, shapeText(card)), element("span", { class: "note" }, card.note));
  const made = element("button", { type: "button", class: "card", id: card.id, "data-kind": card.kind }, first, second);
  if (data.numbers) {
    card.valueLine = element("span", { class: "half value" });
    card.gradientLine = element("span", { class: "half gradient" });
    made.append(element("span", { class: "numbers" }, card.valueLine, card.gradientLine));
  }
  return made;
}

// A drawing and a figure, as the line of numbers on a card has them.
function half(summary, what, isNarrow) {
  const parts = [], digits = isNarrow || summary.pictures ? 2 : 3; // as many as there is room for
  if (!isNarrow && summary.pictures) parts.push(...pictures(summary.pictures, 2));
  else if (!isNarrow && summary.histogram) parts.push(histogram(summary));
  parts.push(element("b", {}, brief(summary, what, digits)));
  return parts;
}

// ---- collapsing

function setCollapsed(paths) {
  collapsed.clear();
  for (const path of paths) collapsed.add(path);
  arrange();
}

function toggle(path) {
  const module = modules.get(path);
  const before = module.frame.getBoundingClientRect();
  if (!collapsed.delete(path)) collapsed.add(path);
  arrange();
  const after = module.frame.getBoundingClientRect();
  panBy(before.left - after.left, before.top - after.top); // what was clicked stays where it is
}

// Open whatever hides a card.
function uncover(card) {
  const hiding = [...around(card.module)].filter(module => collapsed.delete(module.path));
  if (hiding.length) arrange();
}

// Give every visible thing its place. Rows keep their order; empty bands between them close up.
function arrange() {
  const bands = []; // [top, bottom] of what must keep its height
  for (const card of cards.values()) {
    card.shelter = shelter(card.module);
    card.element.style.display = card.shelter ? "none" : "";
    if (!card.shelter) bands.push([card.y, card.y + card.h]);
  }
  for (const module of modules.values()) {
    const hidden = shelter(module.parent);
    module.frame.style.display = hidden ? "none" : "";
    if (hidden) continue;
    if (collapsed.has(module.path)) bands.push([module.y + INSET, module.y + INSET + COLLAPSED.h]);
    else bands.push([module.y, module.y + HEADER], [module.y + module.h - MARGIN, module.y + module.h]);
  }
  const squeeze = squeezer(bands);
  for (const card of cards.values()) if (!card.shelter) put(card.element, boxOf(card, squeeze));
  for (const module of modules.values()) arrangeModule(module, squeeze);
  arrangeArrows(squeeze);
  const bottom = squeeze(data.size[1]);
  world.style.width = `${data.size[0]}px`;
  world.style.height = `${bottom}px`;
}

function arrangeModule(module, squeeze) {
  const isClosed = collapsed.has(module.path);
  module.box = isClosed
    ? { x: middle(module) - COLLAPSED.w / 2, y: squeeze(module.y + INSET), ...COLLAPSED }
    : { x: module.x, y: squeeze(module.y), w: module.w, h: squeeze(module.y + module.h) - squeeze(module.y) };
  put(module.frame, module.box);
  module.frame.classList.toggle("collapsed", isClosed);
  module.frame.style.background = module.tint;
  module.button.setAttribute("aria-expanded", String(!isClosed));
  module.button.querySelector(".mark").textContent = isClosed ? "▸" : "▾";
  module.frame.querySelector(".inside").textContent = isClosed ? contents(module) : "";
}

// Where a module's flow runs, so that its stand-in is in line with what comes before and after.
function middle(module) {
  const flow = module.inside.filter(card => !card.is_leaf);
  const last = flow[flow.length - 1] ?? module.inside[0];
  return last.x + last.w / 2;
}

function contents(module) {
  const operations = module.inside.filter(card => !card.is_leaf);
  const parameters = module.inside.filter(card => card.kind === "parameter");
  const total = parameters.reduce((sum, card) => sum + count(card.shape), 0);
  const last = operations[operations.length - 1];
  const parts = [`${operations.length} operations`];
  if (total) parts.push(`${total.toLocaleString("en")} parameters`);
  if (last) parts.push(`→ ${shapeText(last)}`);
  return parts.join(" · ");
}

// A function from old heights to new ones that shortens every empty band to GAP.
function squeezer(bands) {
  bands.sort((a, b) => a[0] - b[0]);
  const cuts = []; // [where an empty band begins, how much of it goes]
  let bottom = bands.length ? bands[0][0] : 0;
  cuts.push([0, bottom]);
  for (const [top, end] of bands) {
    if (top - bottom > GAP) cuts.push([bottom, top - bottom - GAP, top]);
    bottom = Math.max(bottom, end);
  }
  return y => {
    let less = 0;
    for (const [from, excess, to] of cuts) {
      if (to === undefined || y >= to) less += excess;
      else if (y > from) less += excess * (y - from) / (to - from);
    }
    return y - less;
  };
}

function boxOf(card, squeeze) {
  card.box = { x: card.x, y: squeeze(card.y), w: card.w, h: card.h };
  return card.box;
}

function put(thing, box) {
  Object.assign(thing.style, { left: `${box.x}px`, top: `${box.y}px`, width: `${box.w}px`, height: `${box.h}px` });
}

// ---- arrows

function arrangeArrows(squeeze) {
  const drawn = new Set();
  for (const arrow of data.arrows) {
    const tail = cards.get(arrow.tail), head = cards.get(arrow.head);
    const from = tail.shelter ?? tail, to = head.shelter ?? head;
    const pair = `${tail.shelter?.path ?? tail.id} ${head.shelter?.path ?? head.id}`;
    const isMoved = Boolean(tail.shelter || head.shelter);
    const isHidden = from === to || (isMoved && drawn.has(pair));
    drawn.add(pair);
    const points = isMoved ? detour(from.box, to.box)
      : tail.owner === head.id ? across(tail.box, head.box)
      : follow(arrow.points, squeeze, tail.box, head.box);
    for (const [path, side] of [[arrow.forward, -1], [arrow.backward, 1]]) {
      if (!path) continue;
      path.style.display = isHidden ? "none" : "";
      path.setAttribute("d", spline(arrow.tracked ? beside(points, 7 * side, from.box, to.box) : points));
    }
  }
}

// Graphviz's curve, or a plainer one round the outside where closed modules shortened it a lot.
function follow(points, squeeze, from, to) {
  const squeezed = points.map((p, i) => i % 2 ? squeeze(p) : p);
  const last = points.length - 1;
  const span = Math.abs(squeezed[last] - squeezed[1]);
  if (span > 0.75 * Math.abs(points[last] - points[1])) return squeezed;
  const xs = points.filter((_, i) => i % 2 === 0);
  const right = Math.max(...xs), left = Math.min(...xs);
  const isRight = right - Math.max(from.x + from.w, to.x + to.w) > 0;
  if (!isRight && left > Math.min(from.x, to.x)) return detour(from, to);
  const x = isRight ? right : left;
  const x0 = isRight ? from.x + from.w : from.x, x1 = isRight ? to.x + to.w : to.x;
  const y0 = from.y + from.h / 2, y1 = to.y + to.h / 2, bend = Math.min(40, Math.abs(y1 - y0) / 2);
  return [x0, y0, x, y0, x, y0, x, y0 + bend, x, y0 + bend, x, y1 - bend, x, y1 - bend, x, y1, x, y1, x1, y1];
}

// The curve moved aside, at each end along the side of the box that it touches.
function beside(points, shift, from, to) {
  const isOnSide = (x, y, box) =>
    Math.min(Math.abs(x - box.x), Math.abs(x - box.x - box.w)) < Math.min(Math.abs(y - box.y), Math.abs(y - box.y - box.h));
  const atStart = isOnSide(points[0], points[1], from), atEnd = isOnSide(...points.slice(-2), to);
  const last = points.length / 2 - 1;
  const across = [points[2 * last + 1] - points[1], points[0] - points[2 * last]]; // at right angles
  const along = (isSide, axis) => isSide === (axis === 1) ? (Math.sign(across[axis]) || 1) * shift : 0;
  return points.map((p, i) => {
    const part = Math.floor(i / 2) / last; // how far along
    return p + (1 - part) * along(atStart, i % 2) + part * along(atEnd, i % 2);
  });
}

function detour(from, to) {
  const x0 = from.x + from.w / 2, y0 = from.y + from.h, x1 = to.x + to.w / 2, y1 = to.y;
  const bend = Math.max(20, Math.abs(y1 - y0) / 2);
  return [x0, y0, x0, y0 + bend, x1, y1 - bend, x1, y1];
}

function across(from, to) {
  const isRight = from.x > to.x;
  const x0 = isRight ? from.x : from.x + from.w, x1 = isRight ? to.x + to.w : to.x;
  const y0 = from.y + from.h / 2;
  const y1 = Math.min(Math.max(y0, to.y + 14), to.y + to.h - 14);
  const bend = (x1 - x0) / 2;
  return [x0, y0, x0 + bend, y0, x1 - bend, y1, x1, y1];
}

function spline(points) {
  let path = `M${points[0]},${points[1]}`;
  for (let i = 2; i < points.length; i += 6) path += `C${points.slice(i, i + 6).join(",")}`;
  return path;
}
