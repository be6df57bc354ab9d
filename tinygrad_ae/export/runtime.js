// What printed programs call. Arrays are flat, in C order; sums run in double precision.

const unpacked = (Kind, text) => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Kind(bytes.buffer);
};

const rint = x => {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
};

// erf by its Taylor series near 0, by the continued fraction of erfc beyond (Abramowitz & Stegun
// 1964, 7.1.5 and 7.1.14).
const erf = x => {
  const a = Math.abs(x);
  if (a < 2.5) {
    let term = a, total = a;
    for (let n = 1; n < 60; n++) {
      term *= -a * a / n;
      total += term / (2 * n + 1);
    }
    return Math.sign(x) * total * 2 / Math.sqrt(Math.PI);
  }
  let rest = 0;
  for (let n = 60; n > 0; n--) rest = n / 2 / (a + rest);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (a + rest) / Math.sqrt(Math.PI));
};

// ---- moving elements

const strided = (out, x, shape, strides, first) => {
  const index = new Array(shape.length).fill(0);
  let place = first;
  for (let i = 0; i < out.length; i++) {
    out[i] = x[place];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
};

const gather = (out, x, origins, missing) => {
  for (let i = 0; i < out.length; i++) out[i] = origins[i] < 0 ? missing : x[origins[i]];
};

const concatenate = (out, parts, lengths) => {
  const whole = lengths.reduce((a, b) => a + b, 0);
  let start = 0;
  parts.forEach((part, k) => {
    for (let i = 0; i < part.length; i++)
      out[Math.floor(i / lengths[k]) * whole + start + i % lengths[k]] = part[i];
    start += lengths[k];
  });
};

// ---- products

const linear = (out, x, W, b, n, k, m) => {  // y = x Wᵀ + b
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) {
      let total = b[j];
      for (let l = 0, p = i * k, q = j * k; l < k; l++) total += x[p + l] * W[q + l];
      out[i * m + j] = total;
    }
};

const matmul = (out, a, b, batch, n, k, m) => {
  for (let s = 0; s < batch; s++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) {
        let total = 0;
        for (let l = 0; l < k; l++) total += a[(s * n + i) * k + l] * b[(s * k + l) * m + j];
        out[(s * n + i) * m + j] = total;
      }
};

// Each product of a convolution: output place o, input place i, weight place w. The transposed
// convolution is the same sum with the roles of input and output exchanged.
const products = (big, W, small, { stride, before, dilation, groups }, meet) => {
  const [n, , height, width] = big, [outs, ins, tall, wide] = W, [, , rows, columns] = small;
  for (let s = 0; s < n; s++)
    for (let o = 0; o < outs; o++)
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) {
          const place = ((s * outs + o) * rows + r) * columns + c;
          const channel = s * ins * groups + Math.floor(o / (outs / groups)) * ins;
          for (let k = 0; k < ins; k++)
            for (let u = 0; u < tall; u++) {
              const y = r * stride[0] + u * dilation[0] - before[0];
              if (y < 0 || y >= height) continue;
              for (let v = 0; v < wide; v++) {
                const x = c * stride[1] + v * dilation[1] - before[1];
                if (x < 0 || x >= width) continue;
                meet(place, ((channel + k) * height + y) * width + x, ((o * ins + k) * tall + u) * wide + v);
              }
            }
        }
};

const conv = (out, x, W, xShape, wShape, outShape, sides) => {
  const total = new Float64Array(out.length);
  products(xShape, wShape, outShape, sides, (o, i, w) => { total[o] += x[i] * W[w]; });
  out.set(total);
};

const convTranspose = (out, y, W, yShape, wShape, outShape, sides) => {
  const total = new Float64Array(out.length);
  products(outShape, wShape, yShape, sides, (o, i, w) => { total[i] += y[o] * W[w]; });
  out.set(total);
};

// ---- reductions, of one row

const sum = row => row.reduce((a, b) => a + b, 0);
const mean = row => sum(row) / row.length;
const max = row => row.reduce((a, b) => Math.max(a, b), -Infinity);
const min = row => row.reduce((a, b) => Math.min(a, b), Infinity);
const prod = row => row.reduce((a, b) => a * b, 1);
const norm = row => Math.sqrt(row.reduce((a, b) => a + b * b, 0));
const any = row => row.some(x => x !== 0);
const all = row => row.every(x => x !== 0);
const argmax = row => row.indexOf(max(row));
const argmin = row => row.indexOf(min(row));
const variance = (row, ddof) => {
  const centre = mean(row);
  return row.reduce((a, b) => a + (b - centre) ** 2, 0) / (row.length - ddof);
};
const deviation = (row, ddof) => Math.sqrt(variance(row, ddof));
const logsumexp = row => {
  const top = max(row);
  return Number.isFinite(top) ? top + Math.log(row.reduce((a, b) => a + Math.exp(b - top), 0)) : top;
};

const reduce = (out, x, n, ofRow) => {
  for (let i = 0; i < out.length; i++) out[i] = ofRow(x.subarray(i * n, (i + 1) * n));
};

// Each row's x - top, whose exponentials cannot overflow, as log softmax and softmax need it.
const ofRows = (out, x, n, finish) => {
  for (let i = 0; i < x.length; i += n) {
    const row = x.subarray(i, i + n), top = max(row), below = Float64Array.from(row, v => v === top ? 0 : v - top);
    finish(below, sum(below.map(Math.exp))).forEach((v, k) => { out[i + k] = v; });
  }
};

const logSoftmax = (out, x, n) => ofRows(out, x, n, (below, total) => below.map(v => v - Math.log(total)));

const softmax = (out, x, n) => ofRows(out, x, n, (below, total) => below.map(v => Math.exp(v) / total));
