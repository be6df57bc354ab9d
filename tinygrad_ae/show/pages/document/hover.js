// A map of codes: the sample under the pointer is shown beside it, with its reconstruction.
for (const root of document.querySelectorAll(".map")) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const canvas = root.querySelector("canvas.points");
  const panels = [...root.querySelectorAll("canvas.sample")];
  const caption = root.querySelector(".caption");
  const sprites = [null, null];
  let chosen = 0;

  // A sprite holds one sample in each row of pixels.
  data.sprites.forEach((source, which) => {
    const image = new Image();
    image.onload = () => {
      const sheet = document.createElement("canvas");
      sheet.width = image.width; sheet.height = image.height;
      const pen = sheet.getContext("2d", { willReadFrequently: true });
      pen.drawImage(image, 0, 0);
      sprites[which] = pen;
      show(chosen);
    };
    image.src = source;
  });

  function values(which, i) {
    const row = sprites[which].getImageData(0, i, data.features, 1).data;
    return Array.from({ length: data.features }, (_, j) => row[4 * j]);
  }

  function show(i) {
    chosen = i;
    for (const which of [0, 1]) if (sprites[which]) paint(panels[which], values(which, i));
    caption.textContent = data.captions[i];
    draw();
  }

  function paint(panel, v) {
    const pen = panel.getContext("2d");
    if (data.image) {
      const [height, width, channels] = data.image;
      panel.width = width; panel.height = height;
      const pixels = pen.createImageData(width, height);
      for (let p = 0; p < width * height; p++) {
        for (let c = 0; c < 3; c++) pixels.data[4 * p + c] = v[channels * p + (channels >= 3 ? c : 0)];
        pixels.data[4 * p + 3] = 255;
      }
      pen.putImageData(pixels, 0, 0);
    } else {
      panel.width = 400; panel.height = 220;
      const n = data.channels, last = Math.max(1, v.length / n - 1);
      pen.lineWidth = 2.5;
      for (let c = 0; c < n; c++) {
        pen.strokeStyle = c % 2 ? "#f0b070" : "#7cc4f5"; pen.beginPath();
        for (let t = 0; t <= last; t++) pen.lineTo(8 + 384 * t / last, 212 - 204 * v[n * t + c] / 255);
        pen.stroke();
      }
    }
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * scale; canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const ink = getComputedStyle(canvas).color;
    pen.globalAlpha = .65;
    data.points.forEach(([x, y], i) => {
      pen.fillStyle = data.colours[i] === "ink" ? ink : data.colours[i];
      pen.beginPath(); pen.arc(...place(x, y), 2.6, 0, 7); pen.fill();
    });
    pen.globalAlpha = 1; pen.lineWidth = 2;
    pen.strokeStyle = ink;
    pen.beginPath(); pen.arc(...place(...data.points[chosen]), 7, 0, 7); pen.stroke();
  }

  function place(x, y) {
    return [10 + x * (canvas.clientWidth - 20), 10 + (1 - y) * (canvas.clientHeight - 20)];
  }

  function pick(event) {
    const box = canvas.getBoundingClientRect();
    const px = event.clientX - box.left, py = event.clientY - box.top;
    let best = 0, least = Infinity;
    data.points.forEach(([x, y], i) => {
      const [u, v] = place(x, y), d = (u - px) ** 2 + (v - py) ** 2;
      if (d < least) [best, least] = [i, d];
    });
    if (best !== chosen) show(best);
  }

  canvas.addEventListener("pointermove", pick);
  canvas.addEventListener("pointerdown", pick);
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  show(0);
}
