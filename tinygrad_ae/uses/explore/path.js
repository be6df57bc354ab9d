// Between two samples, in the space of codes and in that of samples; then everything is shown.

const STEPS = 9, CHOICES = Math.min(24, samples.length);
const ends = [0, Math.min(1, CHOICES - 1)];
let turn = 0;  // which end the next choice sets

const mixed = (a, b, t) => Float64Array.from(a, (v, i) => (1 - t) * v + t * b[i]);

const choices = samples.slice(0, CHOICES).map((x, i) => {
  const button = document.createElement("button"), canvas = document.createElement("canvas");
  button.type = "button";
  button.setAttribute("aria-label", data.labels ? `sample ${i}, a ${name(i)}` : name(i));
  button.append(canvas, document.createElement("span"));
  button.addEventListener("click", () => {
    ends[turn] = i;
    turn = 1 - turn;
    showPath();
  });
  at("choices").append(button);
  paint(canvas, x);
  return button;
});

const rows = ["codes", "pixels"].map(id => Array.from({ length: STEPS }, (_, s) => {
  const figure = document.createElement("figure"), canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `step ${s + 1} of ${STEPS}`);
  figure.append(canvas);
  at(id).append(figure);
  return canvas;
}));

const showPath = () => {
  const [a, b] = ends;
  for (let s = 0; s < STEPS; s++) {
    const t = s / (STEPS - 1);
    paint(rows[0][s], model.decode(mixed(codes[a], codes[b], t)));
    paint(rows[1][s], mixed(samples[a], samples[b], t));
  }
  choices.forEach((button, i) => {
    const marks = ["A", "B"].filter((_, end) => ends[end] === i).join("");
    button.setAttribute("aria-pressed", marks !== "");
    button.lastChild.textContent = marks;
    button.lastChild.hidden = !marks;
  });
};

const showAll = () => { showCode(); showDrawing(); showPath(); };
newNoise();
mine.set(samples[next++]);
showAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showAll);
window.autoencoder = { encode: x => [...model.encode(x)], decode: z => [...model.decode(z)] };
