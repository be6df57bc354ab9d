// Numbers, arrays and pictures as text and small drawings.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function svgElement(tag, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function number(x, digits = 4) {
  if (typeof x === "string") return x;
  const size = Math.abs(x);
  let text;
  if (Number.isInteger(x) && size < 1e6) text = String(x);
  else if (size >= 1e6 || size < 1e-3) {
    const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
    text = `${Number(mantissa)}e${Number(exponent)}`;
  } else text = String(Number(x.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

function shapeText(card) {
  const { shape } = card;
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

function count(shape) {
  return shape.reduce((product, n) => product * n, 1);
}

// One line about an array: the number itself, or how large its elements are.
function brief(summary, what, digits = 3) {
  if (summary.whole?.length === 1) return `= ${number(summary.whole[0])}`;
  if (summary.nonfinite) return `${summary.nonfinite} not finite`;
  if (summary[what] === undefined) return "no elements";
  return `${what} ${number(summary[what], digits)}`;
}

// The elements of a small array, a line per row of its last axis, in columns.
function arrayText(elements, shape) {
  const texts = elements.map(x => number(x, 5));
  const columns = shape.length ? shape[shape.length - 1] : 1;
  const width = Math.max(...texts.map(t => t.length));
  const lines = [];
  for (let i = 0; i < texts.length; i += columns)
    lines.push(texts.slice(i, i + columns).map(t => t.padStart(width)).join("  "));
  return lines.join("\n");
}

// Bars, with a tick where zero is.
function histogram(summary) {
  const counts = summary.histogram;
  const most = Math.max(...counts);
  const svg = svgElement("svg", { viewBox: "0 0 96 32", preserveAspectRatio: "none", class: "histogram", "aria-hidden": "true" });
  const step = 96 / counts.length;
  let path = "";
  counts.forEach((n, i) => {
    const height = n ? Math.max(1, 28 * n / most) : 0; // a bin with anything in it can be seen
    path += `M${i * step},28V${28 - height}h${step - 0.6}V28z`;
  });
  svg.append(svgElement("path", { d: path, class: "bars" }));
  const { min, max } = summary;
  if (min <= 0 && max >= 0) {
    const x = 96 * -min / (max - min);
    svg.append(svgElement("path", { d: `M${x},28v4`, class: "axis" }));
  }
  svg.append(svgElement("path", { d: "M0,28h96", class: "axis" }));
  return svg;
}

// Gray from low to high; signed values in the colours of their sign, over white (zero).
function pictures(packed, most) {
  const bytes = Uint8Array.from(atob(packed.pixels), c => c.charCodeAt(0));
  const { width, height } = packed;
  const made = [];
  for (let k = 0; k < Math.min(packed.count, most); k++) {
    const canvas = element("canvas", { width, height, role: "img", "aria-label": `picture ${k + 1}` });
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const v = bytes[k * width * height + i];
      const t = (v - 127.5) / 127.5;
      const colour = !packed.signed ? [v, v, v]
        : (t < 0 ? data.signs.negative : data.signs.positive).map(c => 255 + (c - 255) * Math.abs(t));
      image.data.set([...colour, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    made.push(canvas);
  }
  return made;
}
