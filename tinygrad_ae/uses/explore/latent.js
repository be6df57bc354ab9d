// The map of codes, the decoded code, and a slider for each latent.

const map = at("map"), side = map.width, edge = 30;
const places = codes.map(onMap);
const flatMap = k < 2;  // one latent: its samples are spread over the height, to be seen
const spread = flatMap ? places.map((p, i) => [p[0], (i * 0.618034) % 1 - 0.5]) : places;
const bounds = [0, 1].map(a => {
  const values = spread.map(p => p[a]);
  const low = Math.min(...values), high = Math.max(...values);
  return high > low ? [low, high] : [low - 1, high + 1];
});
const toScreen = place => place.map((v, a) => {
  const share = (v - bounds[a][0]) / (bounds[a][1] - bounds[a][0]);
  return edge + (a ? 1 - share : share) * (side - 2 * edge);
});
const toPlace = point => point.map((v, a) => {
  const share = (v - edge) / (side - 2 * edge);
  return bounds[a][0] + (a ? 1 - share : share) * (bounds[a][1] - bounds[a][0]);
});

let drawn = null;  // the code of the drawing, marked on the map as well

const paintMap = () => {
  const context = map.getContext("2d");
  context.clearRect(0, 0, side, side);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = "600 19px system-ui, sans-serif";
  spread.forEach((place, i) => {
    const [x, y] = toScreen(place), label = data.labels ? data.labels[i] : null;
    context.fillStyle = colour(`--m${label === null ? 0 : label % 10}`);
    if (label === null) {
      context.beginPath();
      context.arc(x, y, 5, 0, 7);
      context.fill();
    } else context.fillText(label, x, y);
  });
  if (drawn) ring(context, drawn, "--m0", 11);
  ring(context, code, "--accent", 15);
};

const ring = (context, z, stroke, radius) => {
  const [x, y] = toScreen(flatMap ? [onMap(z)[0], 0] : onMap(z));
  for (const [style, wide] of [[colour("--paper"), 9], [colour(stroke), 5]]) {
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.stroke();
  }
};

const pointOf = (canvas, event) => {
  const box = canvas.getBoundingClientRect();
  return [
    (event.clientX - box.left) / box.width * canvas.width,
    (event.clientY - box.top) / box.height * canvas.height,
  ];
};

const nearest = point => {
  let best = -1, least = 30 ** 2;
  spread.forEach((place, i) => {
    const [x, y] = toScreen(place), far = (x - point[0]) ** 2 + (y - point[1]) ** 2;
    if (far < least) [best, least] = [i, far];
  });
  return best;
};

map.addEventListener("pointerdown", event => {
  map.setPointerCapture(event.pointerId);
  const point = pointOf(map, event), close = nearest(point);
  setCode(close < 0 ? movedTo(code, toPlace(point)) : codes[close]);
});
map.addEventListener("pointermove", event => {
  const point = pointOf(map, event);
  if (event.buttons) setCode(movedTo(code, toPlace(point)));
  const close = nearest(point);
  at("near").textContent = close < 0 ? "\u00a0" : `test sample ${close}${data.labels ? `, a ${name(close)}` : ""}: click for its code`;
});
map.addEventListener("keydown", event => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!step) return;
  event.preventDefault();
  setCode(movedTo(code, onMap(code).map((v, a) => v + step[a] * (bounds[a][1] - bounds[a][0]) / 50)));
});

// ---- latents

const sliders = Array.from({ length: k }, (_, i) => {
  const label = document.createElement("label");
  const low = Math.min(data.low[i], data.mean[i]), high = Math.max(data.high[i], data.mean[i]);
  const room = 0.25 * (high - low);
  label.innerHTML = `<span>z<sub>${i + 1}</sub></span><input type="range" step="any"><output></output>`;
  const input = label.children[1];
  [input.min, input.max] = [low - room, high + room];
  input.setAttribute("aria-label", `latent ${i + 1}`);
  input.addEventListener("input", () => {
    const z = Float64Array.from(code);
    z[i] = Number(input.value);
    setCode(z);
  });
  at("sliders").append(label);
  return input;
});

const showCode = () => {
  paintMap();
  paint(at("decoded"), model.decode(code));
  sliders.forEach((input, i) => {
    input.value = code[i];
    input.nextElementSibling.textContent = code[i].toFixed(2);
  });
};
listeners.push(showCode);
at("centre").addEventListener("click", () => setCode(data.mean));
if (k > 2) at("how").textContent = `, seen along the two directions in which the ${k} latents vary most`;
at("summary").textContent =
  `${d} values → ${k} latents → ${d} values. The encoder f and the decoder g run in this page.`;
