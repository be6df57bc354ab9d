// Pan and zoom: wheel, drag, pinch, buttons, keys.

const stage = document.getElementById("stage");
const view = { x: 0, y: 0, scale: 1 };
const LEAST = 0.05, MOST = 4, EDGE = 24;

function show(isGliding = false) {
  world.classList.toggle("gliding", isGliding);
  world.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
}

function panBy(dx, dy, isGliding = false) {
  view.x += dx;
  view.y += dy;
  show(isGliding);
}

// Zoom so that the point (x, y) of the stage stays where it is.
function zoomBy(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
  const ratio = scale / view.scale;
  view.x = x - (x - view.x) * ratio;
  view.y = y - (y - view.y) * ratio;
  view.scale = scale;
  show();
}

function worldSize() {
  return [parseFloat(world.style.width), parseFloat(world.style.height)];
}

// The whole graph; or, to begin with, its width from the top, at a size one can read.
function fit(isWhole = true) {
  const [width, height] = worldSize();
  const across = (stage.clientWidth - 2 * EDGE) / width;
  const down = (stage.clientHeight - 2 * EDGE) / height;
  view.scale = Math.min(1, MOST, isWhole ? Math.min(across, down) : Math.max(across, 0.55));
  view.scale = Math.max(LEAST, view.scale);
  view.x = Math.max((stage.clientWidth - width * view.scale) / 2, isWhole ? -Infinity : EDGE / 2);
  view.y = Math.max(EDGE, isWhole ? (stage.clientHeight - height * view.scale) / 2 : EDGE);
  show();
}

// Move as little as needed for a card, or the closed module that hides it, to be seen.
function reveal(card) {
  const { x, y, w, h } = (card.shelter ?? card).box;
  const shift = (low, length, size) => {
    const high = low + length;
    if (low >= EDGE && high <= size - EDGE) return 0;
    return low < EDGE || length > size - 2 * EDGE ? EDGE - low : size - EDGE - high;
  };
  const dx = shift(view.x + x * view.scale, w * view.scale, stage.clientWidth);
  const dy = shift(view.y + y * view.scale, h * view.scale, stage.clientHeight);
  if (dx || dy) panBy(dx, dy, true);
}

stage.addEventListener("wheel", event => {
  event.preventDefault();
  const frame = stage.getBoundingClientRect();
  if (event.shiftKey) panBy(-event.deltaX - event.deltaY, 0);
  else zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - frame.left, event.clientY - frame.top);
}, { passive: false });

// A browser scrolls what gets the focus into sight; here only the view moves.
stage.addEventListener("scroll", () => stage.scrollTo(0, 0));

const pointers = new Map();
let dragged = 0; // pixels; a press that moved is no click

stage.addEventListener("pointerdown", event => {
  if (!pointers.size) dragged = 0;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});

window.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = [event.clientX, event.clientY];
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
  dragged += Math.hypot(now[0] - before[0], now[1] - before[1]);
  pointers.set(event.pointerId, now);
  if (dragged < 5) return;
  stage.classList.add("dragging");
  if (!others.length) panBy(now[0] - before[0], now[1] - before[1]);
  else {
    const [other] = others, frame = stage.getBoundingClientRect();
    const distance = p => Math.hypot(p[0] - other[0], p[1] - other[1]);
    const x = (now[0] + other[0]) / 2 - frame.left, y = (now[1] + other[1]) / 2 - frame.top;
    zoomBy(distance(now) / Math.max(1, distance(before)), x, y);
  }
});

for (const ending of ["pointerup", "pointercancel"])
  window.addEventListener(ending, event => {
    pointers.delete(event.pointerId);
    if (!pointers.size) stage.classList.remove("dragging");
  });

stage.addEventListener("click", event => {
  if (dragged >= 5) {
    event.preventDefault();
    event.stopPropagation();
  }
}, { capture: true });
