// The code that map and sliders share, and who wants to know when it changes.

const codes = samples.map(x => model.encode(x));
const listeners = [];
let code = Float64Array.from(codes[Math.min(1, codes.length - 1)]);

const setCode = z => {
  code = Float64Array.from(z);
  listeners.forEach(listener => listener());
};

// A code's place on the map: its coordinates along the two axes in which codes vary most.
const onMap = z => data.axes.map(axis => axis.reduce((sum, a, i) => sum + a * (z[i] - data.mean[i]), 0));
// The code nearest to z that lies at a place of the map.
const movedTo = (z, place) => {
  const now = onMap(z);
  return Float64Array.from(z, (value, i) =>
    value + data.axes.reduce((sum, axis, a) => sum + axis[i] * (place[a] - now[a]), 0));
};
