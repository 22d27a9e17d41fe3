// The live part of the page: asks once a second for what is new and shows it.
import { $, ask, el, fill, setText } from './dom.js';
import * as charts from './charts.js';
import * as explore from './explore.js';
import * as f from './format.js';
import * as parts from './parts.js';

const does = {
  network: 'event loops: frames, TLS', verify: 'signatures of requests', order: 'consensus, batches', journal: 'votes to disk',
  crypto: 'shares, certificates', execute: 'blocks in order, replies', commit: 'blocks to the ledger', serve: 'blocks for who is behind',
  payers: 'payers’ signatures',
};
const tags = { primary: 'good', backup: 'plain', changing: 'warn', amnesia: 'warn', unreachable: 'bad', diverged: 'bad', unknown: 'plain' };

let about = null;
let paused = false;
let since = 0, line = 0, failures = 0, timer = 0; // since and line: what is shown already

function showKpis(now) {
  const s = charts.newest(), self = now.replicas[about.replica];
  const list = [
    ['Events / s', s ? f.rate(s.events) : '–', 'accounts and transfers'],
    ['Latency p50', s ? f.millis(s.p50) : '–', 'until the reply'],
    ['Latency p99', s ? f.millis(s.p99) : '–', 'in the last second'],
    ['Fast path', f.percent(self.fast_commits, self.fast_commits + self.slow_commits), 'since the start'],
    ['Newest block', f.count(now.head), `stable ${f.count(self.stable)}`],
    ['Events', f.count(now.events), 'since the start'],
    ['In flight', s ? f.count(s.in_flight) : '–', 'slots'],
    ['Refused / s', s ? f.rate(s.refused) : '–', 'requests'],
  ];
  const dl = $('kpis');
  list.forEach(([name, value, note], i) => {
    if (!dl.children[i]) dl.append(el('div', {}, el('dt', {}, name), el('dd', {}, el('b'), el('span', { className: 'muted' }))));
    const dd = dl.children[i].lastChild;
    setText(dd.firstChild, value);
    setText(dd.lastChild, note);
  });
}

function showReplicas(now) {
  const soon = now.now / 1000 + 14 * 86400;
  fill($('replica-rows'), now.replicas.map((r) => {
    const head = { text: `${r.replica}${r.self ? ' (this)' : ''}`, head: true, title: about.members[r.replica].peer_addr };
    const role = { text: r.role, tag: tags[r.role] || 'plain' };
    if (!r.known) return [head, role, { text: '–', cls: 'num' }, { text: '–', cls: 'num' }, { text: '–', cls: 'num' }, '–', { text: '–', cls: 'num' }, { text: '–', cls: 'num' }, '–', '–'];
    const slots = r.fast_commits + r.slow_commits;
    const old = r.role === 'unreachable' ? ` (${f.span(r.age)} ago)` : '';
    return [head, role,
      { text: f.count(r.view), cls: 'num' },
      { text: f.count(r.seq) + old, cls: 'num' },
      { text: f.count(r.lag), cls: r.lag > 1000 ? 'num bad' : 'num' },
      slots ? { text: `fast ${f.percent(r.fast_commits, slots)}`, title: `fast ${r.fast_commits}, slow ${r.slow_commits}` } : '–',
      { text: f.millis(r.sync_p99), cls: 'num', title: 'upper bound, since its start' },
      { text: `${r.peers_up} / ${about.n}`, cls: r.peers_up < about.n ? 'num warn' : 'num' },
      { text: r.cert_expiry ? f.day(r.cert_expiry) : '–', cls: r.cert_expiry && r.cert_expiry < soon ? 'bad' : '' },
      { ...parts.digest(r), title: r.state },
    ];
  }));
}

function showStages(now) {
  fill($('stage-rows'), now.stages.map((s) => [
    { text: s.name, head: true },
    { text: does[s.name] || '', cls: 'wide muted' },
    s.bound ? { text: `${f.count(s.waiting)} / ${f.count(s.bound)}`, bar: s.waiting / s.bound } : '–',
    { text: f.cores(s.cpu), bar: s.cpu / Math.max(1, s.workers) },
    { text: f.percent(Math.min(s.busy, s.workers), s.workers), cls: 'num', title: `${f.many(s.workers, 'worker')}; waits for disk or processor included` },
    { text: f.rate(s.steps), cls: 'num' },
  ]));
}

function showLines(fresh) {
  const list = $('lines');
  for (const l of fresh) {
    const attrs = Object.entries(l.attrs).map(([k, v]) => `${k} ${v}`).join(' · ');
    const key = l.text + ' ' + (l.attrs.peer || '');
    const alike = [...list.children].filter((li) => li.dataset.key === key);
    if (alike.length >= 8) alike[alike.length - 1].remove(); // as the replica keeps them
    const li = el('li', {},
      el('time', { dateTime: l.time, title: f.stamp(l.time) }, f.clock(l.time)),
      el('span', { className: 'tag ' + { info: 'plain', warn: 'warn', error: 'bad' }[l.level] }, l.level),
      el('span', {}, l.text, attrs ? el('span', { className: 'muted' }, ' ' + attrs) : null));
    li.dataset.key = key;
    list.prepend(li);
    line = l.number;
  }
  while (list.children.length > 128) list.lastChild.remove();
}

async function start() {
  about = await ask('about');
  document.title = `Quorate ${about.name} · replica ${about.replica}`;
  setText($('cluster'), `${about.name} · ${about.cluster.slice(0, 16)} · n=${about.n} f=${about.f} c=${about.c} · ${about.scheme}`);
  $('cluster').title = `quorums: fast ${about.fast_quorum}, slow ${about.slow_quorum}, execution ${about.exec_quorum}; genesis ${about.cluster}`;
  setText($('self'), String(about.replica));
  explore.begin(about);
}

async function step() {
  if (!about) await start();
  const now = await ask(`live?since=${since}&line=${line}`);
  if (parts.restarted(about, now)) {
    about = null; since = line = 0;
    charts.reset();
    $('lines').replaceChildren();
    return;
  }
  // A part that fails must not take the others with it.
  const failed = parts.showAll([
    ['charts', () => showSamples(now.samples)],
    ['figures', () => showKpis(now)],
    ['replicas', () => showReplicas(now)],
    ['stages', () => showStages(now)],
    ['events', () => showLines(now.lines)],
    ['build', () => setText($('build'), `version ${about.version} · profile ${about.profile} · up ${f.span(now.uptime)}`)],
    ['blocks', () => explore.head(now.head)],
    ['health', () => showHealth(now)],
  ]);
  if (failed.length) showFailed(failed);
}

function showSamples(fresh) {
  if (fresh.length) since = fresh[fresh.length - 1].at; // they are kept even if drawing fails
  charts.add(fresh);
}

function showHealth(now) {
  const [level, words] = parts.health(now, about);
  $('health').className = 'pill ' + level;
  $('health').title = '';
  setText($('health'), words);
}

// showFailed tells what of an answer could not be shown, beside the health.
function showFailed(failed) {
  const words = $('health').textContent.split('; not shown: ')[0];
  if ($('health').className === 'pill good') $('health').className = 'pill warn';
  setText($('health'), `${words}; not shown: ${failed.map((x) => x.split(' ')[0]).join(', ')}`);
  $('health').title = failed.join('; ');
}

// loop asks again a second after the last answer, more rarely while there is none.
async function loop() {
  clearTimeout(timer);
  if (paused || document.hidden) return;
  try {
    await step();
    failures = 0;
  } catch (e) {
    failures++;
    $('health').className = 'pill bad';
    setText($('health'), 'This replica does not answer');
    $('health').title = String(e.message || e);
  }
  document.body.dataset.ready = failures ? 'no' : 'yes';
  timer = setTimeout(loop, Math.min(8000, 1000 * 2 ** Math.min(failures, 3)));
}

$('pause').addEventListener('click', () => {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', String(paused));
  setText($('pause'), paused ? 'Resume' : 'Pause');
  if (!paused) loop();
});
const themed = () => setText($('theme'), 'Theme: ' + window.quorateTheme.name);
$('theme').addEventListener('click', () => { window.quorateTheme.next(); themed(); charts.redraw(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden) loop(); });
themed();
loop();
