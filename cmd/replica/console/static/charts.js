// Two charts over the last minutes, drawn by uPlot in the colours of the theme.
import { $, el, setText } from './dom.js';
import * as f from './format.js';

const kept = 300; // samples, as many as the replica keeps

const specs = {
  rate: { unit: (v) => f.rate(v), series: [['events', 'events/s', '--c1']] },
  latency: { unit: (v) => f.millis(v), series: [['p99', 'p99', '--c3'], ['p50', 'p50', '--c1'], ['sync', 'fsync p99', '--c2']] },
};

const charts = {};
let samples = [];

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axisValue(v) {
  if (v >= 1e6) return v / 1e6 + 'M';
  if (v >= 1e4) return v / 1e3 + 'k';
  return f.rate(v);
}

function make(id) {
  const spec = specs[id], box = $(id), text = color('--muted'), grid = color('--line');
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: '12px system-ui, sans-serif' };
  const options = {
    width: Math.max(200, box.clientWidth), height: 190, legend: { show: false }, cursor: { y: false, points: { size: 6 } },
    padding: [10, 26, 0, 0], tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), 'Etc/UTC'),
    scales: { x: { time: true }, y: { range: (u, lo, hi) => [0, hi > 0 ? hi * 1.1 : 1] } },
    axes: [{ ...axis, space: 70, size: 30, values: (u, ticks) => ticks.map((t) => new Date(t * 1000).toISOString().slice(11, 19)) },
      { ...axis, size: 52, values: (u, ticks) => ticks.map(axisValue) }],
    series: [{}, ...spec.series.map(([, , c], i) => ({
      stroke: color(c), width: 2, spanGaps: false, points: { show: false }, fill: i === 0 ? color(c) + '22' : undefined,
    }))],
    hooks: { setCursor: [(u) => legend(id, u.cursor.idx)] },
  };
  box.replaceChildren();
  charts[id] = new uPlot(options, data(id), box);
  $(id + '-legend').replaceChildren(...spec.series.map(([, name, c]) => {
    const swatch = el('i', { attrs: { 'aria-hidden': 'true' } });
    swatch.style.background = color(c);
    return el('span', {}, swatch, el('span', {}, name + ' '), el('b', {}, '–'));
  }));
  legend(id);
}

function data(id) {
  return [samples.map((s) => s.at / 1000), ...specs[id].series.map(([key]) => samples.map((s) => s[key]))];
}

// legend shows the values under the cursor, else the newest, and tells them to
// who cannot see the chart.
function legend(id, at) {
  const s = samples[at ?? samples.length - 1];
  if (!s) return;
  const spec = specs[id], words = [];
  spec.series.forEach(([key, name], i) => {
    const value = s[key] === null ? '–' : spec.unit(s[key]);
    setText($(id + '-legend').children[i].lastChild, value);
    words.push(name + ' ' + value);
  });
  if (at === null || at === undefined) {
    $(id).setAttribute('aria-label', (id === 'rate' ? 'Rate' : 'Latency') + ' over the last five minutes; now ' + words.join(', '));
  }
}

// add takes new samples and draws.
export function add(fresh) {
  samples = samples.concat(fresh).slice(-kept);
  for (const id of Object.keys(specs)) {
    if (!charts[id]) make(id);
    else charts[id].setData(data(id));
    legend(id, charts[id].cursor.idx);
  }
}

export const newest = () => samples[samples.length - 1];
export function reset() { samples = []; }

// redraw makes the charts anew: other colours or another width.
export function redraw() {
  if (samples.length) Object.keys(specs).forEach(make);
}

let width = 0;
new ResizeObserver(() => {
  const w = $('rate').clientWidth;
  if (w === width) return;
  width = w;
  for (const id of Object.keys(charts)) charts[id].setSize({ width: Math.max(200, $(id).clientWidth), height: 190 });
}).observe($('rate'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
