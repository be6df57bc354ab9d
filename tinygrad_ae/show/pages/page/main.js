// Search, keys and buttons; and the page begins.

const query = document.getElementById("query");
const found = document.getElementById("found");
let matches = [], match = -1;

function textOf(card) {
  return [card.name, card.title, card.formula, card.scope, card.module, card.note, card.kind, shapeText(card), card.dtype]
    .join(" ").toLowerCase();
}

function search() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  matches = words.length ? data.cards.filter(card => words.every(word => card.text.includes(word))) : [];
  match = -1;
  document.body.classList.toggle("searching", words.length > 0);
  for (const card of cards.values()) card.element.classList.toggle("match", matches.includes(card));
  for (const module of modules.values())
    module.frame.classList.toggle("match", module.inside.some(card => matches.includes(card)));
  found.textContent = words.length ? (matches.length ? `${matches.length} found` : "nothing found") : "";
}

function nextMatch() {
  if (!matches.length) return;
  match = (match + 1) % matches.length;
  const card = matches[match];
  uncover(card);
  reveal(card);
  pin(card, null);
  found.textContent = `${match + 1} of ${matches.length}`;
}

const actions = {
  fold: () => { setCollapsed(modules.keys()); fit(); },
  unfold: () => { setCollapsed([]); fit(); },
  smaller: () => zoomBy(1 / 1.25),
  larger: () => zoomBy(1.25),
  fit: () => fit(),
  first: () => { pause(); goTo(0); },
  back: () => { pause(); goTo(position - 1); },
  next: () => { pause(); goTo(position === steps.length ? 0 : position + 1); },
  last: () => { pause(); goTo(steps.length); },
  play: () => timer === null ? play() : pause(),
};
const keys = { ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", " ": "play", "+": "larger", "=": "larger", "-": "smaller", "0": "fit" };
const moves = { ArrowRight: [-80, 0], ArrowLeft: [80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target === query) {
    if (event.key === "Escape") { query.value = ""; search(); query.blur(); }
    return;
  }
  if (target.matches("select, input")) return;
  if (event.key === " " && target.matches("button")) return; // a button's own key
  if (event.shiftKey && moves[event.key]) panBy(...moves[event.key]);
  else if (event.key === "/") query.focus();
  else if (event.key === "Escape") { pin(null); }
  else if (keys[event.key]) actions[keys[event.key]]();
  else return;
  event.preventDefault();
});

for (const [id, action] of Object.entries(actions)) document.getElementById(id).addEventListener("click", action);
document.getElementById("search").addEventListener("submit", event => { event.preventDefault(); nextMatch(); });
query.addEventListener("input", search);

const slider = document.getElementById("position");
slider.max = steps.length;
slider.addEventListener("input", () => { pause(); goTo(Number(slider.value)); });

build();
for (const card of cards.values()) {
  card.text = textOf(card);
  card.element.addEventListener("pointerenter", () => describe(card));
  card.element.addEventListener("pointerleave", () => describe(pinned));
  card.element.addEventListener("click", () => pin(card, null));
  card.element.addEventListener("focus", () => { reveal(card); describe(card); });
  card.element.addEventListener("blur", () => describe(pinned));
}
if (!modules.size) for (const id of ["fold", "unfold"]) document.getElementById(id).hidden = true;
const isLarge = cards.size > 150;
setCollapsed(isLarge ? [...modules.values()].filter(module => module.depth > 1).map(module => module.path) : []);
goTo(steps.length);
fit(false);
