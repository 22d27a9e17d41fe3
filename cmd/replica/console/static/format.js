// How numbers, times and ids look.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export const count = (n) => whole.format(n);
export const many = (n, what) => `${whole.format(n)} ${what}${n === 1 ? '' : 's'}`;
export const rate = (n) => (n >= 100 || n === 0 ? whole.format(n) : short.format(n));
export const millis = (ms) => (ms === null || ms === undefined ? '–' : (ms >= 100 ? whole.format(ms) : short.format(ms)) + ' ms');
export const cores = (n) => n.toFixed(2);
export const percent = (part, all) => (all > 0 ? (100 * part / all).toFixed(part === all ? 0 : 1) + ' %' : '–');
export const hash = (h) => h.slice(0, 8) + '…' + h.slice(-4);
export const certificate = (c) => (c.length > 384 ? `${c.slice(0, 384)}… (${c.length / 2} bytes)` : c);
export const shortID = (id) => (id.length > 18 ? id.slice(0, 8) + '…' + id.slice(-6) : id);
export const clock = (iso) => iso.slice(11, 19);
export const stamp = (iso) => iso.slice(0, 10) + ' ' + iso.slice(11, 23).replace(/Z$/, '') + ' UTC';

// day is a date, whatever the number: another replica may have made it up.
export function day(seconds) {
  if (!(seconds >= 0 && seconds < 253402300800)) return '–';
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

export function bytes(n) {
  if (n < 1024) return n + ' B';
  if (n < 1 << 20) return (n / 1024).toFixed(1) + ' KiB';
  return (n / (1 << 20)).toFixed(1) + ' MiB';
}

export function span(seconds) {
  if (seconds < 120) return Math.floor(seconds) + ' s';
  if (seconds < 7200) return Math.floor(seconds / 60) + ' min';
  if (seconds < 172800) return Math.floor(seconds / 3600) + ' h';
  return Math.floor(seconds / 86400) + ' d';
}

// amount shows a decimal string of smallest units as the ledger counts it.
export function amount(text, ledger) {
  const scale = ledger ? ledger.scale : 0;
  const digits = text.padStart(scale + 1, '0');
  const head = digits.slice(0, digits.length - scale).replace(/\B(?=(\d{3})+$)/g, ',');
  return (scale ? head + '.' + digits.slice(-scale) : head) + (ledger ? ' ' + ledger.currency : '');
}
