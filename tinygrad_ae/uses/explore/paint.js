// The data, and how a sample is shown: as a picture, or as a curve for each channel.

const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const k = data.latent, d = data.shape.reduce((a, b) => a * b, 1);
const isPicture = data.shape.length > 1 && data.shape[1] > 1;  // signals are (times, 1, channels)
const [height, width, colours] = isPicture ? [...data.shape, 1] : [1, data.shape[0], d / data.shape[0]];

const bytes = Uint8Array.from(atob(data.samples.text), c => c.charCodeAt(0));
const all = data.samples.kind === "bytes"
  ? Float32Array.from(bytes, b => b / 255) : new Float32Array(bytes.buffer);
const samples = Array.from({ length: all.length / d }, (_, i) => all.subarray(i * d, (i + 1) * d));
const name = i => data.labels ? `${data.labels[i]}` : `sample ${i}`;

// The scale that values are shown on: pictures from 0 to 1, curves from their least to their greatest.
const [lowest, highest] = isPicture ? [0, 1] : [Math.min, Math.max].map(f => all.reduce((a, b) => f(a, b)));
const toHeight = value => 290 - 280 * clip((value - lowest) / (highest - lowest || 1));
const toValue = height => lowest + (highest - lowest) * clip((290 - height) / 280);

const colour = variable => getComputedStyle(document.documentElement).getPropertyValue(variable);
const clip = v => Math.min(1, Math.max(0, v));

// Show a sample (or several curves in one, the first of them faint) on a canvas.
const paint = (canvas, x, behind) => isPicture ? paintPicture(canvas, x) : paintCurve(canvas, x, behind);

const paintPicture = (canvas, x) => {
  canvas.width = width;
  canvas.height = height;
  canvas.classList.add("pixels");
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = 255 * clip(x[i * colours + (colours < 3 ? 0 : c)]);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
};

const paintCurve = (canvas, x, behind) => {
  canvas.width = 480;
  canvas.height = 300;
  canvas.classList.add("curve");
  const context = canvas.getContext("2d");
  const line = (values, channel, stroke) => {
    context.strokeStyle = stroke;
    context.lineWidth = 2 * Math.max(1, 240 / (canvas.clientWidth || 240));  // to be seen when small
    context.beginPath();
    for (let i = 0; i < width; i++)
      context.lineTo(i / (width - 1) * 480, toHeight(values[i * colours + channel]));
    context.stroke();
  };
  for (let c = 0; c < colours; c++) {
    if (behind) line(behind, c, colour("--line"));
    line(x, c, colour(c % 2 ? "--m1" : "--m0"));
  }
};

const paintBars = (canvas, z) => {
  canvas.width = 480;
  canvas.height = isPicture ? Math.round(480 * height / width) : 300;
  const context = canvas.getContext("2d"), step = 480 / k, middle = canvas.height / 2;
  for (let i = 0; i < k; i++) {
    const span = Math.max(Math.abs(data.low[i]), Math.abs(data.high[i]));
    const value = Math.max(-1, Math.min(1, z[i] / span));
    context.fillStyle = colour(value < 0 ? "--m1" : "--m0");
    context.fillRect(i * step + 0.1 * step, middle, Math.max(1, 0.8 * step), -value * middle * 0.95);
  }
  context.fillStyle = colour("--quiet");
  context.fillRect(0, middle - 1, 480, 2);
};
