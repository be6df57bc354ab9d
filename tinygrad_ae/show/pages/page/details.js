// The panel beside the graph: all that is known of one card.

const panel = document.getElementById("details");
let pinned = null;

// Show a card, and go back to it when the pointer has left another one.
function pin(card, step) {
  pinned?.element.classList.remove("pinned");
  pinned = card;
  card?.element.classList.add("pinned");
  describe(card, step);
}

function describe(card, step) {
  panel.replaceChildren(...(card ? about(card, step) : help()));
}

function about(card, step) {
  const forward = steps.find(s => s.phase === "forward" && s.card === card.id);
  const isKnown = hasValue(card);
  const parts = [element("h2", {}, card.formula ? `${card.name}: ${card.title}` : card.name)];
  if (card.formula) parts.push(element("p", { class: "equation" }, card.formula));
  if (forward?.numbers && isKnown) parts.push(element("p", { class: "equation" }, `= ${forward.numbers}`));
  const rows = [["kind", card.kind], ["shape", `${shapeText(card)} ${card.dtype}`]];
  if (card.scope) rows.push(["module", card.scope]);
  rows.push(["line", card.where]);
  parts.push(list(rows));
  if (card.source) parts.push(element("pre", {}, card.source));
  if (step?.phase === "backward" && step.card === card.id) parts.push(...passedOn(card), ...gradient(card), ...value(card, isKnown));
  else parts.push(...value(card, isKnown), ...gradient(card), ...passedOn(card));
  return parts;
}

function list(rows) {
  const made = element("dl");
  for (const [term, text] of rows) made.append(element("dt", {}, term), element("dd", { "data-what": term }, text));
  return made;
}

function value(card, isKnown) {
  if (!data.numbers) return [];
  const title = element("h3", { class: "value" }, "Value");
  if (!isKnown) return [title, element("p", { class: "quiet" }, "not computed yet")];
  if (!card.value) return [title, element("p", { class: "quiet" }, "not kept: freed by backward, or its tensor is gone")];
  return [title, ...figures(card.value, card, "value")];
}

function gradient(card) {
  if (!data.numbers) return [];
  const title = element("h3", { class: "gradient" }, `Gradient ∂L/∂${card.name}`);
  const say = text => [title, element("p", { class: "quiet" }, text)];
  if (!card.tracked) return say("not needed: nothing that requires gradients lies behind it");
  if (!gradientAt.has(card.id)) return say("not computed: none arrives from the result");
  const parts = steps.flatMap(s => (s.rules ?? []).map(rule => ({ ...rule, from: s })))
    .filter(rule => rule.to === card.id && rule.at <= position);
  const sum = parts.map(rule => {
    const from = rule.from.seed ? "where the pass starts" : `from ${cards.get(rule.from.card).title}, where ${rule.from.arriving}`;
    const size = rule.from.seed ? "" : amount(rule);
    return element("li", {}, rule.equation.replace(/^[^=]*= /, ""), element("span", { class: "quiet" }, `${size}, ${from}`));
  });
  const body = [title];
  if (sum.length) {
    if (sum.length > 1) body.push(element("p", {}, "the sum of what comes back on each way:"));
    body.push(element("ul", {}, ...sum));
  }
  if (!hasGradient(card)) body.push(element("p", { class: "quiet" }, sum.length ? "not complete yet" : "not computed yet"));
  else if (!card.gradient) body.push(element("p", { class: "quiet" }, "its numbers were freed by an earlier backward pass"));
  else body.push(...figures(card.gradient, card, "gradient"));
  return body;
}

// What a card's operation hands back to its inputs.
function passedOn(card) {
  const step = steps.find(s => s.phase === "backward" && !s.seed && s.card === card.id);
  if (!step?.rules.length) return [];
  const isDone = rule => rule.at <= position;
  const lines = step.rules.map(rule => element("p", { class: "equation" }, rule.equation,
    element("span", { class: "quiet" }, isDone(rule) ? amount(rule) : "")));
  return [element("h3", {}, "Passes back"), element("p", { class: "quiet" }, `with ${step.arriving}`), ...lines];
}

function figures(summary, card, what) {
  const parts = [];
  if (summary.pictures) {
    parts.push(element("div", { class: "pictures" }, ...pictures(summary.pictures, 4)));
    const range = `${number(summary.pictures.low, 3)} to ${number(summary.pictures.high, 3)}`;
    parts.push(element("p", { class: "quiet" }, summary.pictures.signed ? `${range}: ${data.signs.legend}` : `black to white: ${range}`));
  }
  if (summary.whole) parts.push(element("pre", { "data-whole": what }, arrayText(summary.whole, card.shape)));
  if (summary.histogram) {
    const drawing = histogram(summary);
    drawing.style.color = `var(--${what})`;
    parts.push(drawing);
  }
  if (summary.whole?.length !== 1 && summary.mean !== undefined) {
    const rows = ["mean", "min", "max", "rms"].map(name => [name, number(summary[name], 6)]);
    const table = list(rows);
    table.dataset.figures = what;
    parts.push(table);
  }
  if (summary.nonfinite) parts.push(element("p", {}, element("b", {}, `${summary.nonfinite} elements are not finite`)));
  return parts;
}

function help() {
  const keys = [["→ ←", "one step on, one back"], ["Space", "play, pause"], ["Home End", "to the start, to the end"],
    ["/", "search"], ["Enter", "next match; open or close a module"], ["+ − 0", "zoom in, out, fit"],
    ["Shift + arrows", "move the view"], ["Tab", "from card to card"]];
  const made = element("dl");
  for (const [key, what] of keys) made.append(element("dt", {}, element("kbd", {}, key)), element("dd", {}, what));
  return [element("h2", {}, "How it was computed"),
    element("p", {}, "Each card is an operation, an input or a parameter. Point at one, or tab to it, to see its formula, its value, its gradient and the line of code it comes from."),
    element("p", {}, "Play replays the forward pass, top to bottom, and then the chain rule, bottom to top."),
    element("h3", {}, "Keys"), made];
}
