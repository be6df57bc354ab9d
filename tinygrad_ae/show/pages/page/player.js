// The steps of both passes: what is known after each, and how it is said.

const steps = data.steps;
const forwardCount = steps.filter(step => step.phase === "forward").length;
let position = steps.length; // how many steps are done
let timer = null;

// After how many steps each value, each gradient and each part of a gradient is known.
const valueAt = new Map(), gradientAt = new Map();
steps.forEach((step, i) => {
  if (step.phase === "forward") valueAt.set(step.card, i + 1);
  for (const rule of step.rules ?? []) {
    rule.at = i + 1;
    gradientAt.set(rule.to, i + 1); // the last part completes the sum
  }
});

const hasValue = card => (valueAt.get(card.id) ?? 0) <= position;
const hasGradient = card => gradientAt.has(card.id) && gradientAt.get(card.id) <= position;

const sizes = steps.flatMap(step => step.rules ?? []).map(rule => rule.rms).filter(x => x > 0);
const [smallest, largest] = [Math.min(...sizes), Math.max(...sizes)];

// Width by the logarithm of how large a gradient is.
function gradientWidth(rms) {
  if (!(rms > 0) || smallest === largest) return 2;
  return 1.5 + 4.5 * Math.log(rms / smallest) / Math.log(largest / smallest);
}

function goTo(target) {
  position = Math.max(0, Math.min(steps.length, target));
  const step = steps[position - 1];
  for (const card of cards.values()) paintCard(card, step);
  for (const arrow of data.arrows) paintArrow(arrow, step);
  const slider = document.getElementById("position");
  slider.value = position;
  slider.setAttribute("aria-valuetext", `step ${position} of ${steps.length}`);
  announce(step);
  if (step && position < steps.length) {
    const card = cards.get(step.card);
    reveal(card);
    pin(card, step);
  } else pin(pinned, null);
}

function paintCard(card, step) {
  const isActive = step?.card === card.id && position < steps.length;
  const { classList } = card.element;
  classList.toggle("waiting", !hasValue(card));
  classList.toggle("active", isActive);
  classList.toggle("forward", isActive && step.phase === "forward");
  classList.toggle("backward", isActive && step.phase === "backward");
  const value = hasValue(card) ? card.value : null, gradient = hasGradient(card) ? card.gradient : null;
  const isNarrow = card.kind === "parameter";
  if (data.numbers) {
    fill(card.valueLine, value ? half(value, "mean", isNarrow) : [], value);
    fill(card.gradientLine, gradient ? half(gradient, "rms", isNarrow) : [], gradient);
  }
  card.element.setAttribute("aria-label", spoken(card, value, gradient));
}

// Drawings are made once per change, not once per step.
function fill(line, parts, shown) {
  const key = shown ? parts.length : 0;
  if (line.shown === shown && line.key === key) return;
  line.shown = shown;
  line.key = key;
  line.replaceChildren(...parts);
}

function spoken(card, value, gradient) {
  const parts = [card.formula ? `${card.title}: ${card.formula}` : `${card.kind} ${card.title}`, `shape ${shapeText(card)}`];
  if (card.note) parts.push(card.note);
  if (value) parts.push(`value ${brief(value, "mean")}`);
  else if (!hasValue(card)) parts.push("not computed yet");
  if (gradient) parts.push(`gradient ${brief(gradient, "rms")}`);
  return parts.join(", ");
}

function paintArrow(arrow, step) {
  const isNow = position < steps.length && step?.card === arrow.head;
  arrow.forward.classList.toggle("waiting", !hasValue(cards.get(arrow.tail)) || (valueAt.get(arrow.head) ?? 0) > position);
  arrow.forward.classList.toggle("active", Boolean(isNow && step.phase === "forward"));
  if (!arrow.backward) return;
  arrow.rule ??= steps.find(s => s.phase === "backward" && !s.seed && s.card === arrow.head)
    ?.rules.find(rule => rule.to === arrow.tail) ?? null;
  const isDone = arrow.rule && arrow.rule.at <= position;
  arrow.backward.style.visibility = isDone ? "visible" : "hidden";
  if (!isDone) return;
  arrow.backward.style.strokeWidth = gradientWidth(arrow.rule.rms);
  arrow.backward.classList.toggle("zero", arrow.rule.rms === 0);
  arrow.backward.classList.toggle("active", Boolean(isNow && step.phase === "backward"));
}

// ---- in words

function announce(step) {
  const now = document.getElementById("now");
  if (!step) {
    now.replaceChildren(element("b", {}, "Start. "), "Inputs and parameters are known; the rest follows, one operation at a time.");
    return;
  }
  if (position === steps.length) {
    const passes = forwardCount === steps.length ? "the forward pass is" : "the forward and the backward pass are";
    now.replaceChildren(element("b", {}, "The end: "), `${passes} done. Play replays them one operation at a time.`);
    return;
  }
  const card = cards.get(step.card);
  const number_ = step.phase === "forward" ? position : position - forwardCount;
  const total = step.phase === "forward" ? forwardCount : steps.length - forwardCount;
  const where = step.phase === "forward" ? `Forward ${number_} of ${total}, ${card.title}: `
    : step.seed ? `Backward ${number_} of ${total}, start: ` : `Backward ${number_} of ${total}, through ${card.title}: `;
  now.replaceChildren(element("b", {}, where), said(step, card));
}

function said(step, card) {
  if (step.phase === "forward") {
    const value = card.value ? `; ${step.numbers ? "" : brief(card.value, "mean")}` : "";
    return step.equation + (step.numbers ? ` = ${step.numbers}` : value);
  }
  const parts = step.rules.map(rule => rule.equation + (step.seed ? "" : amount(rule)));
  if (!parts.length) return "no gradient goes further from here";
  return parts.join(";  ") + (step.arriving ? `;  where ${step.arriving}` : "");
}

// How much a rule gave: the number itself, or how large its elements are.
function amount(rule) {
  if (rule.numbers) return ` = ${rule.numbers}`;
  if (rule.nonfinite) return ` (${rule.nonfinite} elements are not finite)`;
  return rule.rms === undefined ? "" : ` (rms ${number(rule.rms, 3)})`;
}

// ---- playing

function play() {
  if (position >= steps.length) goTo(0);
  const button = document.getElementById("play");
  button.textContent = "Pause";
  button.setAttribute("aria-label", "Pause");
  const tick = () => {
    goTo(position + 1);
    if (position >= steps.length) pause();
    else timer = setTimeout(tick, 1300 / Number(document.getElementById("speed").value));
  };
  timer = setTimeout(tick, 400);
}

function pause() {
  clearTimeout(timer);
  timer = null;
  const button = document.getElementById("play");
  button.textContent = "Play";
  button.setAttribute("aria-label", "Play");
}
