// Curves of a round: which metrics share a chart, and drawing them with uPlot.

import uPlot from '/webjars/uplot/dist/uPlot.esm.js';
import { h, number } from './dom.js';

const CHARTS = [
  ['Loss', /^(eval_)?loss(\/|$)|\/loss$/],
  ['Reward', /^(eval_)?(rewards\/(chosen|rejected|margins)|objective\/(scores|rlhf_reward|non_score_reward)|margin|mean_reward|min_reward|max_reward)$/],
  ['Accuracy', /accurac/],
  ['Distance from the reference', /kl/i],
  ['Log-probabilities', /^(eval_)?logps\//],
  ['Entropy', /entropy/],
  ['Clipping and ratio', /clipfrac|(^|[/_])ratio/],
  ['Learning rate', /^(lr|learning_rate)$/],
  ['Gradient norm', /grad_norm/],
  ['Steps clipped, skipped, or with a spike', /^(clipped|skipped|spike)_steps$/],
  ['Share of the time that generating takes', /^generation_share$/],
  ['Use of the hardware (MFU)', /^mfu$/],
];
/** Counters that only rise, and peaks, say nothing as a curve; the list of latest values has them. */
const COUNTERS = /^(epoch|episode|step|num_tokens|peak_\w+)$/;
const ORDER = [...CHARTS.map(([title]) => title)];

function chartOf(metric) {
  return CHARTS.find(([, pattern]) => pattern.test(metric))?.[0] ?? metric;
}

/** Charts in a place; `update(points)` takes `[{step, metrics}]` and draws what has come. */
export class Charts {
  constructor(place) {
    this.place = place;
    this.charts = new Map();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#redraw());
    new ResizeObserver(() => this.#resize()).observe(place);
  }

  update(points) {
    this.points = points;
    const byTitle = new Map();
    for (const metric of [...new Set(points.flatMap((point) => Object.keys(point.metrics ?? {})))].filter((m) => !COUNTERS.test(m)).sort()) {
      const title = chartOf(metric);
      byTitle.set(title, [...(byTitle.get(title) ?? []), metric]);
    }
    const rank = (title) => (ORDER.includes(title) ? ORDER.indexOf(title) : ORDER.length);
    const titles = [...byTitle.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
    for (const title of titles) this.#draw(title, byTitle.get(title), points);
  }

  #draw(title, metrics, points) {
    const known = this.charts.get(title);
    const used = points.filter((point) => metrics.some((metric) => metric in (point.metrics ?? {})));
    const data = [used.map((point) => point.step), ...metrics.map((metric) => used.map((point) => point.metrics[metric] ?? null))];
    if (known && known.metrics.join() === metrics.join()) {
      known.plot.setData(data);
      return;
    }
    known?.plot.destroy();
    const canvas = known?.canvas ?? h('div', { class: 'canvas' });
    if (!known) {
      this.place.append(h('section', { class: 'chart', 'aria-label': `${title} by step` }, h('h2', {}, title), canvas));
    }
    const plot = new uPlot(options(canvas, metrics), data, canvas);
    this.charts.set(title, { plot, canvas, metrics });
  }

  #resize() {
    for (const { plot, canvas } of this.charts.values()) {
      const width = canvas.clientWidth;
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: 230 });
    }
  }

  #redraw() {
    for (const { plot } of this.charts.values()) plot.destroy();
    this.charts.clear();
    this.place.replaceChildren();
    this.update(this.points ?? []);
  }
}

/** Without a pointer on the chart the legend shows the latest step. */
function latest(format) {
  return (plot, value, series, index) => {
    const shown = index === null || index === undefined ? plot.data[series].findLast((v) => v !== null) : value;
    return shown === null || shown === undefined ? '–' : format(shown);
  };
}

function options(canvas, metrics) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 }, font: '12px system-ui' };
  return {
    width: canvas.clientWidth || 480,
    height: 230,
    scales: { x: { time: false } },
    cursor: { drag: { x: true, y: false } },
    axes: [{ ...axis, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
      { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => number(tick, 4)) }],
    series: [{ label: 'step', value: latest((value) => String(value)) }, ...metrics.map((metric, i) => ({
      label: metric,
      stroke: colour(`--curve-${(i % 5) + 1}`),
      width: 2,
      dash: i >= 5 ? [6, 4] : undefined,
      spanGaps: true,
      points: { show: (plot) => plot.data[0].length < 3 },
      value: latest((value) => number(value, 5)),
    }))],
  };
}
