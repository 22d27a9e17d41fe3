// Aim: no number of another replica breaks the page, a part that fails leaves the
// rest, and a process that started anew is known. Method: TestPageInNode copies
// this beside the page's files; those that touch no document are called here.
import assert from 'node:assert/strict';
import * as f from './format.js';
import * as parts from './parts.js';

const most = Number.MAX_SAFE_INTEGER;
for (const n of [0, 1, 253402300799, 253402300800, 8.64e12, 8.64e12 + 1, most, 2 ** 64, Infinity, -1, NaN, null, undefined, 'x']) {
  for (const [name, show] of Object.entries({ day: f.day, count: f.count, rate: f.rate, millis: f.millis, span: f.span })) {
    assert.equal(typeof show(n), 'string', `${name}(${n})`);
  }
}
assert.equal(f.day(0), '1970-01-01');
assert.equal(f.day(253402300799), '9999-12-31');
assert.equal(f.day(253402300800), '–');
assert.equal(f.day(2 ** 64), '–');
assert.equal(f.day(undefined), '–');
assert.equal(typeof f.percent(most, most + most), 'string');

const shown = [];
const failed = parts.showAll([
  ['one', () => shown.push(1)], ['two', () => { throw new RangeError('Invalid time value'); }], ['three', () => shown.push(3)], ['four', () => { throw null; }]]);
assert.deepEqual(shown, [1, 3]);
assert.deepEqual(failed, ['two (Invalid time value)', 'four (null)']);

assert.equal(parts.restarted({ instance: 'a' }, { instance: 'a', uptime: 1 }), false);
assert.equal(parts.restarted({ instance: 'a' }, { instance: 'b', uptime: 1e9 }), true, 'a longer uptime hides nothing');

const about = { n: 4, slow_quorum: 3 };
const row = (replica, more = {}) => ({ replica, role: replica ? 'backup' : 'primary', state: 'abcdef0123456789', fork: false, differs: [], ...more });
const health = (...rows) => parts.health({ replicas: rows }, about).join(': ');
assert.equal(health(row(0), row(1), row(2), row(3)), 'good: Healthy');
assert.equal(health(row(0), row(1), row(2), row(3, { fork: true, differs: [0, 1, 2] })), 'bad: Replica 3 differs from the others: stop it');
assert.equal(health(row(0), row(1), row(2), row(3, { role: 'diverged' })), 'bad: Replica 3 differs from the others: stop it');
assert.equal(health(row(0), row(1, { differs: [3] }), row(2), row(3, { differs: [1] })), 'warn: Degraded: replicas 1, 3 differ, and it is open which is wrong');
assert.equal(health(row(0), row(1), row(2, { role: 'unreachable' }), row(3, { role: 'changing' })), 'bad: No quorum: 2 of 4 take part, 3 are needed');
assert.equal(health(row(0), row(1), row(2), row(3, { role: 'amnesia' })), 'warn: Degraded: replica 3 amnesia');
assert.deepEqual(parts.digest(row(3, { fork: true, differs: [0, 1] })), { text: 'abcdef01 FORK: differs from 0, 1', cls: 'hash bad' });
assert.deepEqual(parts.digest(row(3, { differs: [1] })), { text: 'abcdef01 differs from 1', cls: 'hash warn' });
assert.deepEqual(parts.digest(row(3)), { text: 'abcdef01', cls: 'hash' });
