"use strict";
(function () {
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const two = v => String(Math.floor(v)).padStart(2, "0");
  const clock = s => s < 3600 ? Math.floor(s / 60) + ":" + two(s % 60) : Math.floor(s / 3600) + ":" + two(s / 60 % 60) + ":" + two(s % 60);
  const short = v => v == null ? "" : Math.abs(v) >= 1e6 ? +(v / 1e6).toFixed(2) + "M" : Math.abs(v) >= 1e4 ? +(v / 1e3).toFixed(1) + "k" : +v.toFixed(v < 10 ? 2 : 1) + "";
  const milli = v => v == null ? "–" : v.toFixed(v < 10 ? 2 : 1) + " ms";
  const sync = uPlot.sync("time");
  let plots = [];

  // events are vertical lines with their number; warm-up and the longest silence
  // are shaded.
  function events() {
    return {
      hooks: {
        drawClear: u => {
          const shade = (from, to, style) => {
            const right = u.bbox.left + u.bbox.width, a = Math.max(u.bbox.left, Math.min(u.valToPos(from, "x", true), right)), b = Math.max(a, Math.min(u.valToPos(to, "x", true), right));
            u.ctx.fillStyle = style;
            u.ctx.fillRect(a, u.bbox.top, b - a, u.bbox.height);
          };
          if (data.warmup) shade(0, data.warmup, colour("grid"));
          const quiet = data.silence;
          if (quiet.seconds >= .25) shade(quiet.at, quiet.at + quiet.seconds, colour("event") + "44");
        },
        draw: u => {
          const ratio = devicePixelRatio, ctx = u.ctx;
          ctx.save();
          ctx.strokeStyle = ctx.fillStyle = colour("event");
          ctx.lineWidth = ratio;
          ctx.font = 11 * ratio + "px system-ui, sans-serif";
          ctx.textAlign = "left";
          ctx.textBaseline = "top";
          let free = -Infinity, row = 0;
          (data.events || []).forEach((e, i) => {
            const x = Math.round(u.valToPos(e.at, "x", true));
            if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
            ctx.setLineDash(e.kind === "chaos" ? [] : [4 * ratio, 4 * ratio]);
            ctx.beginPath();
            ctx.moveTo(x, u.bbox.top);
            ctx.lineTo(x, u.bbox.top + u.bbox.height);
            ctx.stroke();
            row = x < free ? row + 1 : 0;
            free = x + 16 * ratio;
            ctx.fillText(String(i), x + 3 * ratio, u.bbox.top + (2 + 12 * (row % 4)) * ratio);
          });
          ctx.restore();
        },
      },
    };
  }

  const line = (label, name, extra) => Object.assign({ label, stroke: () => colour(name), width: 1.5, points: { show: data.t.length < 2 }, value: (u, v) => short(v) }, extra);
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const axis = extra => Object.assign({ stroke: () => colour("soft"), grid: { stroke: () => colour("grid"), width: 1 }, ticks: { stroke: () => colour("line"), width: 1 }, font: "11px system-ui, sans-serif" }, extra);
  const time = { label: "time", value: (u, v) => v == null ? "" : clock(v) };
  const end = data.t.length ? data.t[data.t.length - 1] : 1;

  function plot(id, height, series, columns, more) {
    const at = document.getElementById(id);
    const opts = Object.assign({
      width: at.clientWidth, height,
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false } },
      scales: { x: { time: false, range: (u, min, max) => data.t.length ? [min === data.t[0] ? 0 : min, Math.max(max, min + 1)] : [0, 1] }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [axis({ incrs: seconds, values: (u, v) => v.map(clock) }), axis({ size: 60, values: (u, v) => v.map(short) })],
      series: [time].concat(series), plugins: [events()],
    }, more);
    const u = new uPlot(opts, [data.t].concat(columns), at);
    plots.push(u);
    return u;
  }

  // lanes colours each replica's stretches by how it committed.
  function lanes() {
    const n = data.replicas.length;
    const draw = u => {
      const ctx = u.ctx, ratio = devicePixelRatio, high = u.bbox.height / n;
      ctx.save();
      ctx.beginPath();
      ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
      ctx.clip();
      data.replicas.forEach((r, k) => {
        const top = u.bbox.top + k * high + 3 * ratio;
        data.t.forEach((t, i) => {
          const from = u.valToPos(i ? data.t[i - 1] : 0, "x", true), to = u.valToPos(t, "x", true);
          ctx.fillStyle = colour("k" + r.state[i]);
          ctx.fillRect(from, top, Math.ceil(to - from) + .5, high - 6 * ratio);
          if (!r.lead[i]) return;
          ctx.fillStyle = colour("ink");
          ctx.fillRect(from, top + high / 2 - 4 * ratio, Math.ceil(to - from) + .5, 2.5 * ratio);
        });
      });
      ctx.restore();
    };
    const names = ["does not answer", "nothing committed", "fast path", "both paths", "slow path"];
    const series = data.replicas.map((r, k) => ({ label: "replica " + k, paths: () => null, points: { show: false }, stroke: () => colour("ink"),
      value: (u, v, s, i) => i == null ? "" : names[r.state[i]] + (r.lead[i] ? ", primary" : "") }));
    plot("lanes", 40 + 24 * n, series, data.replicas.map(r => r.state), {
      scales: { x: { time: false, range: (u, min, max) => [min === data.t[0] ? 0 : min, Math.max(max, min + 1)] }, y: { range: [0, n] } },
      axes: [axis({ incrs: seconds, values: (u, v) => v.map(clock) }), axis({ size: 60, grid: { show: false }, splits: () => data.replicas.map((r, k) => n - k - .5), values: () => data.replicas.map((r, k) => "r" + k) })],
      plugins: [{ hooks: { drawSeries: (u, s) => { if (s === 1) draw(u); } } }, events()],
    });
  }

  const palette = ["c1", "c3", "c5", "c6", "c2", "c7", "c4", "c0"];

  function all() {
    plots.forEach(u => u.destroy());
    plots = [];
    if (data.t.length) {
      plot("rate", 210, [line("offered", "c0", { dash: [6, 4] }), line("achieved", "c1", { width: 2, fill: () => colour("c1") + "22" })], [data.offered, data.achieved]);
      const log = { scales: { x: { time: false, range: (u, min, max) => [min === data.t[0] ? 0 : min, Math.max(max, min + 1)] }, y: { distr: 3 } },
        axes: [axis({ incrs: seconds, values: (u, v) => v.map(clock) }), axis({ size: 60, values: (u, v) => v.map(x => x == null || !/^[125]0*$|^0\.0*[125]$/.test(String(x)) ? "" : short(x)) })] };
      const ms = { value: (u, v) => milli(v) };
      plot("latency", 250, [line("max", "c0", { dash: [2, 3], value: ms.value }), line("p99.9", "c4", ms), line("p99", "c3", ms), line("p90", "c2", ms), line("p50", "c1", ms)],
        [data.most, data.p999, data.p99, data.p90, data.p50], log);
      if (data.replicas.length) {
        lanes();
        plot("views", 130, data.replicas.map((r, k) => line("replica " + k, palette[k % palette.length], { width: 2 + 2 * (data.replicas.length > 8 ? 0 : data.replicas.length - 1 - k), paths: uPlot.paths.stepped({ align: -1 }), value: (u, v) => v == null ? "–" : "view " + v })),
          data.replicas.map(r => r.view), { scales: { x: { time: false, range: (u, min, max) => [min === data.t[0] ? 0 : min, Math.max(max, min + 1)] }, y: { range: (u, min, max) => [Math.max(0, (min || 0) - .5), (max || 0) + .5] } },
            axes: [axis({ incrs: seconds, values: (u, v) => v.map(clock) }), axis({ size: 60, incrs: [1, 2, 5, 10, 100, 1000], values: (u, v) => v.map(x => Number.isInteger(x) ? String(x) : "") })] });
      }
      plot("outstanding", 130, [line("requests", "c6", { fill: () => colour("c6") + "22" })], [data.outstanding]);
      const codes = Object.keys(data.codes).sort();
      document.getElementById("errors-figure").hidden = !codes.length;
      if (codes.length) plot("errors", 150, codes.map((c, k) => line(c, palette[(k + 6) % palette.length])), codes.map(c => data.codes[c]));
    }
    if (data.odds.length > 1) {
      const at = document.getElementById("hdr");
      const share = o => { const p = 100 - 100 / o; return o <= 1 ? "0 %" : +p.toFixed(Math.max(0, Math.ceil(Math.log10(o)) - 1)) + " %"; };
      const most = data.odds[data.odds.length - 1];
      plots.push(new uPlot({
        width: at.clientWidth, height: 250, cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false, distr: 3, range: [1, Math.max(most, 10)] }, y: { range: (u, min, max) => [0, max * 1.08] } },
        axes: [axis({ splits: () => [1, 2, 4, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].filter(o => o <= Math.max(most, 10)), values: (u, v) => v.map(share), grid: { show: true, stroke: () => colour("grid"), width: 1, filter: (u, v) => v }, filter: (u, v) => v }), axis({ size: 60, values: (u, v) => v.map(short) })],
        series: [{ label: "payments", value: (u, v) => v == null ? "" : share(v) }, line("latency", "c1", { width: 2, points: { show: false }, value: (u, v) => milli(v) })],
      }, [data.odds, data.at], at));
    }
  }
  all();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(all, 150); });
})();
