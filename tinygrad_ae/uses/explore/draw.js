// A sample of one's own: drawn, made noisy, encoded, reconstructed.

const pad = at("pad");
const mine = new Float32Array(d);
let epsilon = new Float32Array(d);

const gaussian = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const newNoise = () => { epsilon = Float32Array.from({ length: d }, gaussian); };

const corrupted = () => {
  const sigma = Number(at("noise").value);
  at("sigma").textContent = sigma.toFixed(2);
  return sigma ? mine.map((v, i) => clip(v + sigma * epsilon[i])) : mine.slice();
};

const showDrawing = () => {
  const noisy = corrupted(), z = model.encode(noisy), restored = model.decode(z);
  drawn = z;
  paint(pad, mine);
  paint(at("noisy"), noisy, mine);
  paintBars(at("bars"), z);
  paint(at("restored"), restored, mine);
  const mse = restored.reduce((sum, v, i) => sum + (v - mine[i]) ** 2, 0) / d;
  at("error").textContent = `mean of (x̂ − x)²: ${mse.toFixed(4)}`;
  paintMap();
};

let last = null;
const stroke = event => {
  if (!event.buttons) { last = null; return; }
  const box = pad.getBoundingClientRect();
  const point = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  const from = last || point, steps = 1 + Math.ceil(Math.hypot(point[0] - from[0], point[1] - from[1]) * 2 * width);
  for (let s = 1; s <= steps; s++) {
    const [u, v] = [0, 1].map(a => from[a] + (point[a] - from[a]) * s / steps);
    isPicture ? blot(u * width - 0.5, v * height - 0.5) : bend(u, v);
  }
  last = point;
  showDrawing();
};

// A soft round brush, about as wide as the strokes of the digits.
const blot = (x, y) => {
  const radius = Math.max(1.1, width / 22);
  for (let r = 0; r < height; r++)
    for (let c = 0; c < width; c++) {
      const ink = clip(1.5 - Math.hypot(c - x, r - y) / radius);
      for (let q = 0; q < colours; q++) {
        const i = (r * width + c) * colours + q;
        mine[i] = Math.max(mine[i], ink);
      }
    }
};

// Move the curve that is nearest there.
const bend = (u, v) => {
  const start = Math.min(width - 1, Math.max(0, Math.round(u * (width - 1)))) * colours;
  const value = toValue(v * 300);
  const far = c => Math.abs(mine[start + c] - value);
  let nearest = 0;
  for (let c = 1; c < colours; c++) if (far(c) < far(nearest)) nearest = c;
  mine[start + nearest] = value;
};

pad.addEventListener("pointerdown", event => { pad.setPointerCapture(event.pointerId); last = null; stroke(event); });
pad.addEventListener("pointermove", stroke);
pad.addEventListener("pointerup", () => { last = null; });
at("noise").addEventListener("input", showDrawing);
at("again").addEventListener("click", () => { newNoise(); showDrawing(); });
at("clear").addEventListener("click", () => { mine.fill(isPicture ? 0 : (lowest + highest) / 2); showDrawing(); });
Object.assign(at("noise"), { max: highest - lowest, step: (highest - lowest) / 100 });
let next = 0;
const takeSample = () => { mine.set(samples[next++ % samples.length]); showDrawing(); };
at("sample").addEventListener("click", takeSample);
at("place").addEventListener("click", () => { setCode(drawn); map.scrollIntoView({ block: "nearest" }); });
