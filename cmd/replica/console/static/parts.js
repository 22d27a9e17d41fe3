// What the page decides by itself: which answer is of another process, and that a
// part that fails takes no other with it. Nothing here needs a browser.

// restarted says whether an answer comes from another process than about.
export const restarted = (about, now) => about.instance !== now.instance;

// showAll runs each part, [name, show], and gives what failed in words.
export function showAll(parts) {
  const failed = [];
  for (const [name, show] of parts) {
    try {
      show();
    } catch (e) {
      failed.push(`${name} (${e && e.message ? e.message : e})`);
    }
  }
  return failed;
}

const list = (ids) => ids.join(', ');

// digest is how a replica's execution digest is shown: text, and a class that says
// how bad it is.
export function digest(r) {
  const start = r.state.slice(0, 8);
  if (r.fork) return { text: `${start} FORK: differs from ${list(r.differs)}`, cls: 'hash bad' };
  if (r.differs.length) return { text: `${start} differs from ${list(r.differs)}`, cls: 'hash warn' };
  return { text: start, cls: 'hash' };
}

// health is one word for the cluster and why.
export function health(now, about) {
  const rs = now.replicas, voting = rs.filter((r) => r.role === 'primary' || r.role === 'backup').length;
  const those = (test) => list(rs.filter(test).map((r) => r.replica));
  const forked = those((r) => r.fork || r.role === 'diverged');
  if (forked) return ['bad', `Replica ${forked} differs from the others: stop it`];
  if (voting < about.slow_quorum) return ['bad', `No quorum: ${voting} of ${about.n} take part, ${about.slow_quorum} are needed`];
  const why = [];
  for (const role of ['unreachable', 'amnesia', 'changing']) {
    const named = those((r) => r.role === role);
    if (named) why.push(`replica ${named} ${role}`);
  }
  const unlike = those((r) => r.differs.length > 0);
  if (unlike) why.push(`replicas ${unlike} differ, and it is open which is wrong`);
  if (now.disk_low) why.push('disk low');
  return why.length ? ['warn', 'Degraded: ' + why.join(', ')] : ['good', 'Healthy'];
}
