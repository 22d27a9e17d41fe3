// The page is made of text and of nothing that a client wrote as code: all of it
// goes through textContent.

export const $ = (id) => document.getElementById(id);

// el makes an element: props are properties, attributes in attrs, children nodes
// or text.
export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  const { attrs, ...rest } = props;
  Object.assign(e, rest);
  for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

// setText changes a text only when it differs: selections and readers stay.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// fill brings a table's body to these rows. A cell is text, or {text, cls, title,
// bar, href, head}; cells that stay the same are not touched.
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const tr = body.rows[i] || body.insertRow();
    cells.forEach((c, j) => {
      const cell = typeof c === 'object' ? c : { text: c };
      let td = tr.cells[j];
      if (!td) td = tr.appendChild(cell.head ? el('th', { scope: 'row' }) : el('td'));
      if (td.className !== (cell.cls || '')) td.className = cell.cls || '';
      if (td.title !== (cell.title || '')) td.title = cell.title || '';
      fillCell(td, cell);
    });
  });
}

function fillCell(td, cell) {
  if (cell.href) {
    if (!td.firstChild || td.firstChild.nodeName !== 'A') td.replaceChildren(el('a'));
    const a = td.firstChild;
    if (a.getAttribute('href') !== cell.href) a.setAttribute('href', cell.href);
    if (cell.label) a.setAttribute('aria-label', cell.label);
    setText(a, cell.text);
  } else if (cell.bar !== undefined) {
    if (!td.firstChild || td.firstChild.className !== 'meter') {
      td.replaceChildren(el('span', { className: 'meter', attrs: { 'aria-hidden': 'true' } }, el('i')), el('span'));
    }
    const i = td.firstChild.firstChild;
    i.style.width = Math.min(100, Math.round(100 * cell.bar)) + '%';
    i.className = cell.bar >= 0.8 ? 'full' : '';
    setText(td.lastChild, cell.text);
  } else if (cell.tag) {
    if (!td.firstChild || td.firstChild.nodeName !== 'SPAN') td.replaceChildren(el('span'));
    td.firstChild.className = 'tag ' + cell.tag;
    setText(td.firstChild, cell.text);
  } else {
    setText(td, cell.text);
  }
}

// pairs is a description list.
export function pairs(list) {
  const dl = el('dl', { className: 'pairs' });
  for (const [name, value, cls] of list) {
    dl.append(el('dt', {}, name), el('dd', { className: cls || '' }, value));
  }
  return dl;
}

// ask gives an answer of the API, or throws its error in words.
export async function ask(path) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 6000);
  try {
    const response = await fetch('/api/v1/' + path, { signal: stop.signal });
    const body = await response.json();
    if (!response.ok) throw Object.assign(new Error(body.error.cause + '; ' + body.error.next), { code: body.error.code });
    return body;
  } finally {
    clearTimeout(timer);
  }
}
