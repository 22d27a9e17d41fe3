// Blocks and accounts: what is looked up when somebody asks. The address of the
// page says what is shown: #block=12, #account=7.
import { $, ask, el, fill, pairs, setText } from './dom.js';
import * as f from './format.js';

const page = 10; // blocks in the list
const eventsPage = 50;

let about = null, shownHead = 0, before = 0, loading = false;
const ledgerOf = (number) => about.ledgers.find((l) => l.number === number);

export function begin(a) {
  about = a;
  shownHead = 0;
  follow();
}

// head is told the newest block; while the list follows, it is loaded again.
export function head(newest) {
  if (before === 0 && newest !== shownHead) list(newest);
}

async function list(newest) {
  if (loading) return;
  loading = true;
  try {
    const got = await ask(`blocks?limit=${page}` + (before ? `&before=${before}` : ''));
    shownHead = before ? 0 : got.head;
    fill($('block-rows'), got.blocks.map((b) => [
      { text: f.count(b.seq), href: `#block=${b.seq}`, label: `Show block ${f.count(b.seq)}`, cls: 'num' },
      { text: f.clock(b.time), title: f.stamp(b.time) },
      { text: b.path, tag: b.path === 'fast' ? 'good' : 'warn' },
      { text: f.count(b.requests), cls: 'num' },
      { text: f.count(b.events), cls: 'num', title: f.bytes(b.bytes) },
      { text: f.hash(b.hash), cls: 'hash wide', title: b.hash },
    ]));
    const oldest = got.blocks[got.blocks.length - 1];
    $('older').disabled = !oldest || oldest.seq <= 1;
    $('older').dataset.before = oldest ? oldest.seq : '';
    $('newer').disabled = before === 0;
    setText($('following'), got.blocks.length === 0 ? 'no block yet' : before ? 'standing still' : 'following');
  } catch (e) {
    setText($('following'), e.message);
  } finally {
    loading = false;
  }
}

$('older').addEventListener('click', () => { before = Number($('older').dataset.before); list(); });
$('newer').addEventListener('click', () => { before = 0; list(); $('older').focus(); });

// show puts a title and content into one of the two articles, and the reader's
// place there when the reader asked.
function show(id, title, ...content) {
  setText($(id + '-h'), title);
  $(id + '-h').classList.remove('hidden');
  $(id + '-body').replaceChildren(...content);
}

const failure = (e) => el('p', { className: 'error', attrs: { role: 'alert' } }, e.message);
const link = (kind, id, text) => el('a', { href: `#${kind}=${id}`, className: 'id', title: id }, text || f.shortID(id));

async function showBlock(seq) {
  try {
    const b = await ask('blocks/' + encodeURIComponent(seq));
    const requests = el('div', { className: 'requests' });
    b.requests.forEach((q, i) => requests.append(request(b.seq, q, i)));
    if (b.request_count > b.requests.length) requests.append(el('p', { className: 'muted' }, `… and ${f.count(b.request_count - b.requests.length)} more requests`));
    show('block', `Block ${f.count(b.seq)}`,
      pairs([
        ['Time', f.stamp(b.time)],
        ['Path', b.path + (b.certified ? ', execution certified' : ', no execution certificate here')],
        ['Content', `${f.many(b.request_count, 'request')}, ${f.many(b.event_count, 'event')}, ${f.count(b.failed_count)} failed`],
        ['Hash', b.hash, 'hash'], ['Parent', b.parent, 'hash'], ['Batch', b.batch, 'hash'],
        ['Results', b.result_root, 'hash'], ['Write set', b.delta_digest, 'hash'],
        ['Commit certificate', f.certificate(b.commit_certificate), 'hash'], ['Execution certificate', f.certificate(b.exec_certificate || '–'), 'hash'],
      ]),
      el('p', { className: 'pager' },
        b.seq > 1 ? link('block', String(b.seq - 1), '← parent') : null, link('block', String(b.seq + 1), 'next →')),
      el('h4', {}, 'Requests'),
      b.requests.length ? requests : el('p', { className: 'muted' }, 'None: an empty slot.'));
  } catch (e) {
    show('block', `Block ${seq}`, failure(e));
  }
}

// request is one request; its events are loaded when it is opened.
function request(seq, q, i) {
  const body = el('div', { className: 'request' },
    pairs([['Digest', q.digest, 'hash'], ['Size', f.bytes(q.bytes)], ['Session', `client ${q.client}, request ${q.seq}`]]));
  const box = el('details', {},
    el('summary', {}, el('b', {}, q.op), ` · client ${q.client} · ${f.many(q.events, 'event')}`,
      q.failed ? el('span', { className: 'tag warn' }, `${f.count(q.failed)} failed`) : null,
      q.status !== 'ok' ? el('span', { className: 'tag bad' }, q.status) : null),
    body);
  box.addEventListener('toggle', () => {
    if (!box.open || box.dataset.loaded || !q.events) return;
    box.dataset.loaded = 'yes';
    moreEvents(body, seq, i, 0);
  });
  return box;
}

async function moreEvents(body, seq, i, from) {
  let got;
  try {
    got = await ask(`blocks/${seq}/events?request=${i}&from=${from}&limit=${eventsPage}`);
  } catch (e) {
    body.append(failure(e));
    return;
  }
  let rows = body.querySelector('tbody');
  if (!rows) {
    rows = el('tbody');
    const transfers = got.events.some((e) => e.transfer);
    const heads = transfers ? ['Transfer', 'Debit', 'Credit', 'Amount', 'Result'] : ['Account', 'Ledger', 'Code', 'Flags', 'Result'];
    body.append(el('div', { className: 'scroll', tabIndex: 0, attrs: { role: 'group', 'aria-label': `Events of request ${i}` } },
      el('table', {}, el('caption', { className: 'hidden' }, `Events of request ${i} of block ${seq}`),
        el('thead', {}, el('tr', {}, ...heads.map((h) => el('th', { scope: 'col', className: h === 'Amount' ? 'num' : '' }, h)))), rows)));
  }
  for (const e of got.events) rows.append(eventRow(e));
  const next = from + got.events.length;
  if (next < got.count) {
    const more = el('button', { type: 'button' }, `More (${f.count(got.count - next)} left)`);
    more.addEventListener('click', () => { more.remove(); moreEvents(body, seq, i, next); });
    body.append(more);
  }
}

const result = (r) => el('td', {}, el('span', { className: 'tag ' + (r === 'ok' ? 'plain' : 'warn') }, r));

function eventRow(e) {
  const t = e.transfer, a = e.account;
  if (t) {
    return el('tr', {}, el('th', { scope: 'row', className: 'hash', title: `${t.id} ${t.flags.join(' ')}` }, f.shortID(t.id)),
      el('td', {}, link('account', t.debit_account_id)), el('td', {}, link('account', t.credit_account_id)),
      el('td', { className: 'num' }, f.amount(t.amount, ledgerOf(t.ledger))), result(e.result));
  }
  return el('tr', {}, el('th', { scope: 'row' }, link('account', a.id)), el('td', {}, String(a.ledger)), el('td', {}, String(a.code)),
    el('td', {}, a.flags.join(', ') || '–'), result(e.result));
}

async function showAccount(id) {
  try {
    const got = await ask('accounts/' + encodeURIComponent(id) + '?transfers=20');
    const a = got.account, l = ledgerOf(a.ledger), money = (x) => f.amount(x, l);
    const rows = got.transfers.map((t) => {
      const debit = t.debit_account_id === a.id, other = debit ? t.credit_account_id : t.debit_account_id;
      return el('tr', {}, el('th', { scope: 'row', className: 'hash', title: t.id }, f.shortID(t.id)), el('td', {}, debit ? 'debit' : 'credit'),
        el('td', { className: 'num' }, money(t.amount)), el('td', {}, link('account', other)),
        el('td', {}, link('block', String(t.seq), f.count(t.seq))), el('td', { title: f.stamp(t.timestamp) }, f.clock(t.timestamp)),
        el('td', {}, [...t.flags, t.pending === 'none' ? '' : t.pending].filter(Boolean).join(', ') || '–'));
    });
    const heads = ['Transfer', 'Side', 'Amount', 'Other account', 'Block', 'Time', 'Flags'];
    show('account', `Account ${a.id}`,
      el('p', { className: 'muted' }, 'As of block ', link('block', String(got.seq), f.count(got.seq)), `, ${f.stamp(got.time)}`),
      el('div', { className: 'balances' }, pairs([
        ['Credits posted', money(a.credits_posted), 'money'], ['Debits posted', money(a.debits_posted), 'money'],
        ['Credits pending', money(a.credits_pending), 'money'], ['Debits pending', money(a.debits_pending), 'money']]),
      pairs([['Ledger', String(a.ledger) + (l ? ` (${l.currency})` : '')], ['Code', String(a.code)], ['Flags', a.flags.join(', ') || 'none'],
        ['Created', f.stamp(a.timestamp)]])),
      el('h4', {}, 'Last transfers'),
      rows.length ? el('div', { className: 'scroll', tabIndex: 0, attrs: { role: 'group', 'aria-label': 'Last transfers' } },
        el('table', {}, el('caption', { className: 'hidden' }, `Last transfers of account ${a.id}`),
          el('thead', {}, el('tr', {}, ...heads.map((h) => el('th', { scope: 'col', className: h === 'Amount' ? 'num' : '' }, h)))),
          el('tbody', {}, ...rows))) : el('p', { className: 'muted' }, 'None.'),
      got.truncated ? el('p', { className: 'muted' }, `The newest ${rows.length}; older ones: replica account, or the SDK.`) : null);
  } catch (e) {
    show('account', `Account ${f.shortID(id)}`, failure(e));
  }
}

// follow shows what the address names and takes the reader there.
async function follow() {
  const m = /^#(block|account)=(\w{1,64})$/.exec(location.hash);
  if (!m || !about) return;
  if (m[1] === 'block') await showBlock(m[2]);
  else await showAccount(m[2]);
  $(m[1] + '-h').focus({ preventScroll: true });
  $(m[1]).scrollIntoView({ block: 'nearest' });
}

addEventListener('hashchange', follow);
for (const [form, input, kind] of [['block-form', 'block-seq', 'block'], ['account-form', 'account-id', 'account']]) {
  $(form).addEventListener('submit', (e) => {
    e.preventDefault();
    const hash = `#${kind}=${$(input).value.trim().replace(/[,_ ]/g, '')}`;
    if (location.hash === hash) follow();
    else location.hash = hash;
  });
}
