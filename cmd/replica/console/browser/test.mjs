// Aim: the console works for people: with a keyboard alone, in light and dark, on
// a telephone and a wide screen, without a network beyond the replica, and shows
// what the API says.
// Method: headless Chromium; every request that leaves the page's origin, every
// error of a script and every breach of the policy is a failure; axe-core looks
// for what hinders people. Usage:
//   node test.mjs URL PACKAGES CHROMIUM OUT [down=N] [shots]
// With down=N replica N is expected to be unreachable, and nothing else is tried;
// with shots two pictures are taken and nothing is tried.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';

const [url, packages, executablePath, out, ...more] = process.argv.slice(2);
const require = createRequire(packages + '/'); // they are not beside this file
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
const origin = new URL(url).origin;
let passed = 0;
const ok = (what) => { passed++; console.log('ok', what); };

// open gives a page that fails on what must not happen; may says what may.
async function open({ width = 1440, height = 900, colorScheme = 'light', hash = '' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.bad = [];
  page.on('pageerror', (e) => page.bad.push('script: ' + e.message));
  page.on('console', (m) => {
    const expected = m.text().includes('status of 4') || page.mayFail; // the browser's own note of a refusal
    if (m.type() === 'error' && !expected) page.bad.push('console: ' + m.text());
  });
  await context.route('**', (route) => {
    const r = route.request();
    if (new URL(r.url()).origin === origin) return route.fallback();
    page.bad.push('leaves the replica: ' + r.url());
    return route.abort();
  });
  await page.goto(url + '/' + hash);
  await page.waitForSelector('body[data-ready=yes]', { timeout: 20000 });
  page.done = async () => { assert.deepEqual(page.bad, []); await context.close(); };
  return page;
}

const text = (page, selector) => page.locator(selector).innerText();
const api = async (path) => (await fetch(url + '/api/v1/' + path)).json();

async function live() {
  const page = await open();
  assert.equal(await text(page, '#health'), 'Healthy');
  const roles = await page.locator('#replica-rows .tag').allInnerTexts();
  assert.deepEqual([...roles].sort(), ['backup', 'backup', 'backup', 'primary']);
  assert.match(await text(page, '#replica-rows tr:first-child'), /fast [0-9.]+ %/);
  assert.ok(await page.locator('#stage-rows tr').count() >= 8);
  assert.ok(await page.locator('#lines li').count() >= 1);
  ok('four replicas in one table, stages, events');
  const seen = await text(page, '#kpis');
  await page.waitForFunction((was) => document.querySelector('#kpis').innerText !== was, seen, { timeout: 10000 });
  const drawn = await page.evaluate(() => ['rate', 'latency'].map((id) => {
    const c = document.querySelector(`#${id} canvas`), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    const colors = new Set();
    for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) colors.add(d[i] + ',' + d[i + 1] + ',' + d[i + 2]);
    return colors.size;
  }));
  assert.ok(drawn.every((n) => n > 3), `colours drawn: ${drawn}`);
  assert.match(await page.locator('#latency').getAttribute('aria-label'), /now p99 .* p50 /);
  ok('figures move, charts are drawn and told in words');

  await page.click('#pause');
  let asked = 0;
  page.on('request', () => asked++);
  await page.waitForTimeout(2500);
  assert.ok(asked <= 1, `${asked} requests while paused`);
  await page.click('#pause');
  await page.waitForRequest('**/api/v1/live*');
  ok('pause and resume');

  page.mayFail = true;
  await page.route('**/api/v1/live*', (r) => r.abort());
  await page.waitForFunction(() => document.querySelector('#health').innerText.includes('does not answer'), null, { timeout: 10000 });
  await page.unroute('**/api/v1/live*');
  await page.waitForFunction(() => document.querySelector('#health').innerText === 'Healthy', null, { timeout: 20000 });
  ok('a replica that does not answer is told, and when it answers again');
  await page.done();
}

// lied shows a page answers that a liar or a fault has spoiled, and a process that
// started anew behind a page that slept.
async function lied() {
  const page = await open();
  let change = (v) => v, abouts = 0;
  page.on('request', (r) => { if (r.url().includes('/api/v1/about')) abouts++; });
  await page.route('**/api/v1/live*', async (route) => {
    const response = await route.fetch(), v = await response.json();
    change(v);
    await route.fulfill({ response, json: v });
  });
  const moves = async () => { // the figures above the table go on
    const seen = await text(page, '#kpis');
    await page.waitForFunction((was) => document.querySelector('#kpis').innerText !== was, seen, { timeout: 10000 });
  };
  change = (v) => { for (const k of ['cert_expiry', 'view', 'seq', 'lag', 'fast_commits', 'age', 'sync_p99']) v.replicas[3][k] = 2 ** 64; };
  await page.waitForFunction(() => document.querySelector('#replica-rows tr:nth-child(4)').innerText.includes('18,446,744'), null, { timeout: 10000 });
  await moves();
  assert.equal(await text(page, '#health'), 'Healthy');
  ok('numbers without sense of one replica break nothing');
  change = (v) => Object.assign(v.replicas[3], { fork: true, differs: [0, 1, 2] });
  await page.waitForFunction(() => document.querySelector('#health').innerText === 'Replica 3 differs from the others: stop it', null, { timeout: 10000 });
  assert.match(await text(page, '#replica-rows tr:nth-child(4)'), /FORK: differs from 0, 1, 2/);
  assert.doesNotMatch(await text(page, '#replica-rows tr:nth-child(1)'), /FORK|differs/);
  ok('a replica that differs is named, and from whom');
  let number = 0; // of a line that only a part which failed before can show
  change = (v) => {
    v.replicas[2].state = null; // the table fails
    number = number || 1e6;
    v.lines.push({ number, time: '2026-01-01T00:00:00Z', level: 'warn', text: 'a line behind the failure', attrs: {} });
  };
  await page.waitForFunction(() => document.querySelector('#health').innerText.includes('not shown: replicas'), null, { timeout: 10000 });
  await moves();
  assert.match(await text(page, '#lines'), /a line behind the failure/);
  ok('a part that fails leaves the rest');
  abouts = 0;
  let once = true;
  change = (v) => { if (once) v.instance = 'another'; once = false; };
  await page.waitForFunction(() => document.querySelector('#health').innerText === 'Healthy', null, { timeout: 20000 });
  assert.equal(abouts, 1, 'the page asks anew');
  assert.doesNotMatch(await text(page, '#lines'), /a line behind the failure/);
  ok('another process is known, whatever its uptime');
  await page.done();
}

// walk presses Tab until the page is left, and gives what had the focus, each
// with a focus ring that can be seen.
async function walk(page) {
  const seen = [];
  // Tab goes on from where the last click was, so: from the page's very start.
  await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex'); });
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === document.body) return null;
      const s = getComputedStyle(e), r = e.getBoundingClientRect();
      return { name: e.id || e.getAttribute('href') || e.getAttribute('aria-labelledby') || e.tagName, ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, seen: r.width > 0 && r.height > 0 };
    });
    if (at === null) break;
    assert.ok(at.ring && at.seen, `no focus to be seen on ${at.name}`);
    seen.push(at.name);
  }
  return seen;
}

async function keyboard() {
  const page = await open();
  await page.click('#pause'); // the list stands still
  await page.waitForTimeout(300);
  const order = await walk(page);
  const want = ['#main', 'pause', 'theme', '#overview', '#replicas', '#pipeline', '#blocks', '#accounts', '#events', 'replicas-h', 'pipeline-h', 'block-seq', 'blocks-h', 'older', 'account-id', 'events-h', '/metrics'];
  let at = -1;
  for (const name of want) {
    const next = order.indexOf(name, at + 1);
    assert.ok(next > at, `${name} is not reached after ${order[at]}: ${order}`);
    at = next;
  }
  assert.equal(order[0], '#main', 'the first stop skips to the content');
  ok(`keyboard: ${order.length} stops in reading order, each with a ring`);

  // A block with transfers, by keys alone.
  const { blocks } = await api('blocks?limit=50');
  const seq = blocks.find((b) => b.events > 0).seq;
  await page.focus('#block-seq');
  await page.keyboard.type(String(seq));
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'block-h');
  const b = await api('blocks/' + seq);
  const shown = await text(page, '#block');
  for (const part of [b.hash, b.parent, b.commit_certificate.slice(0, 384), b.result_root]) assert.ok(shown.includes(part), part);
  const which = b.requests.findIndex((q) => q.events > 0);
  await page.locator('#block summary').nth(which).focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('#block tbody tr');
  const { events } = await api(`blocks/${seq}/events?request=${which}`);
  assert.equal(await page.locator('#block tbody tr').count(), events.length);
  ok('a block: certificate, hashes, requests and their events');

  await page.locator('#block tbody a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'account-h');
  const id = events[0].transfer ? events[0].transfer.debit_account_id : events[0].account.id;
  assert.ok((await text(page, '#account-h')).endsWith(id));
  assert.match(await text(page, '#account'), /As of block [\d,]+[\s\S]*Credits posted\s+[\d,]+\.\d\d USD/);
  assert.ok(await page.locator('#account tbody tr').count() >= 1);
  ok('from a transfer to its account: balances and last transfers');

  for (const [form, input, heading, bad, words] of [
    ['#block-seq', '0', '#block', '0', 'is no block number'], ['#block-seq', '', '#block', '987654321', 'not in this replica'],
    ['#account-id', '', '#account', 'abc', 'is no account id'], ['#account-id', '', '#account', '340282366920938463463374607431768211455', 'is no account id']]) {
    await page.fill(form, bad || input);
    await page.press(form, 'Enter');
    await page.waitForFunction(([h, w]) => document.querySelector(`${h} [role=alert]`)?.innerText.includes(w), [heading, words]);
  }
  ok('bad input is answered in words');
  await page.done();
}

async function barriers() {
  const { blocks } = await api('blocks?limit=50');
  const seq = blocks.find((b) => b.events > 0).seq;
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [380, 1440]) {
      const page = await open({ width, colorScheme, hash: `#block=${seq}` });
      await page.waitForSelector('#block summary');
      await page.locator('#block summary').first().click();
      await page.waitForSelector('#block tbody a');
      await page.locator('#block tbody a').first().click();
      await page.waitForSelector('#account tbody tr');
      await page.click('#pause');
      await page.evaluate(() => scrollTo(0, 0));
      const { wide, inner } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, inner: innerWidth }));
      assert.ok(wide <= inner, `${width} px: the page is ${wide} px wide`);
      await page.screenshot({ path: `${out}/${colorScheme}-${width}.png`, fullPage: true });
      // By the debugger's way in, for the policy of the page lets no other script run.
      await page.evaluate(axe + '; undefined');
      const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
      const told = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target + ' ' + n.failureSummary).join(' | ').slice(0, 600)}`);
      assert.deepEqual(told, [], `${colorScheme} ${width}`);
      ok(`${colorScheme}, ${width} px: no barrier in ${found.passes.length} kinds of checks, ${found.incomplete.length} undecided: ${found.incomplete.map((v) => v.id + ' ' + v.nodes.map((n) => n.target + ' ' + n.any.map((a) => a.data?.messageKey)))}`);
      await page.done();
    }
  }
}

async function theme() {
  const page = await open({ colorScheme: 'light' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.click('#theme');
  await page.click('#theme');
  assert.equal(await text(page, '#theme'), 'Theme: dark');
  const dark = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  await page.waitForSelector('body[data-ready=yes]');
  assert.equal(await ground(), dark, 'the choice is kept');
  await page.click('#theme');
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await ground(), dark, 'auto follows the system');
  ok('theme: chosen, kept, automatic');
  await page.done();
}

async function down(id) {
  const page = await open({ width: 380 });
  await page.waitForFunction((n) => document.querySelector('#health').innerText.includes(`replica ${n} unreachable`), id, { timeout: 20000 });
  assert.equal(await text(page, `#replica-rows tr:nth-child(${Number(id) + 1}) .tag`), 'unreachable');
  assert.match(await text(page, '#lines'), /replica does not answer/);
  ok(`replica ${id} is shown as unreachable`);
  await page.screenshot({ path: `${out}/down.png`, fullPage: true });
  await page.done();
}

async function shots() {
  for (const colorScheme of ['light', 'dark']) {
    const page = await open({ colorScheme, width: 1280, height: 1230 });
    await page.waitForTimeout(1500);
    const path = `${out}/console-${colorScheme}.png`;
    await page.screenshot({ path });
    console.log('shot', path, statSync(path).size, 'bytes');
    await page.done();
  }
}

try {
  const dead = more.find((m) => m.startsWith('down='));
  if (more.includes('shots')) await shots();
  else if (dead) await down(dead.slice(5));
  else for (const part of [live, lied, keyboard, barriers, theme]) await part();
  console.log(`browser: ${passed} passed`);
} finally {
  await browser.close();
}
