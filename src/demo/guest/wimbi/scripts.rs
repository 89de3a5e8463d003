//! Wimbi's pages that a script fills: more rows at a click, a grid that renders what is in view, details at a click.

/// `button#load-more` adds rows, and is gone after the last; `#page-size` says how many at once.
pub(super) const MORE: &str = r#"<table id="list"><tbody><tr><th>timestamp<th>transaction_id<th>transaction_type<th>amount<th>status</tr></tbody></table>
<p id="nothing" hidden>No payments in this period</p>
<select id="page-size"><option>10</option><option>500</option></select>
<button id="load-more">Load more</button>
<script>
const list = document.querySelector('#list tbody');
const button = document.querySelector('#load-more');
let after = null;
let size = null;
const load = async () => {
  button.disabled = true;
  const asked = new URLSearchParams(location.search);
  if (after !== null) asked.set('after', after);
  if (size !== null) asked.set('size', size);
  const { items, page_info } = await (await fetch('/api/payments?' + asked)).json();
  for (const item of items) {
    const row = list.insertRow();
    for (const text of [item.when, item.id, item.type, item.amount.value, item.status]) row.insertCell().textContent = text;
  }
  if (page_info.total === 0) document.querySelector('#nothing').hidden = false;
  after = page_info.end_cursor;
  button.disabled = false;
  if (!page_info.has_next_page) button.remove();
};
button.addEventListener('click', load);
document.querySelector('#page-size').addEventListener('change', async (change) => {
  while (list.rows.length > 1) list.deleteRow(1);
  after = null;
  size = change.target.value;
  await load();
  list.dataset.size = size;
});
</script>"#;

/// `div.viewport` gets more rows when it is scrolled to its end; they stay.
pub(super) const STREAM: &str = r#"<div class="viewport" style="height: 120px; overflow-y: auto">
<table id="list"><tbody><tr><th>timestamp<th>transaction_id<th>transaction_type<th>amount<th>status</tr></tbody></table></div>
<script>
const view = document.querySelector('.viewport');
const list = document.querySelector('#list tbody');
let after = '0';
let isLoading = false;
const load = async () => {
  if (isLoading || after === null) return;
  isLoading = true;
  const asked = new URLSearchParams(location.search);
  asked.set('after', after);
  const { items, page_info } = await (await fetch('/api/payments?' + asked)).json();
  for (const item of items) {
    const row = list.insertRow();
    row.className = 'data';
    for (const text of [item.when, item.id, item.type, item.amount.value, item.status]) row.insertCell().textContent = text;
  }
  after = page_info.end_cursor;
  isLoading = false;
};
view.addEventListener('scroll', () => { if (view.scrollTop + view.clientHeight >= view.scrollHeight - 5) load(); });
load();
</script>"#;

/// `div.viewport` shows ten rows of `data-key`, in elements that are used again in any order. A hole is a row that it never
/// shows.
pub(super) const GRID: &str = r#"<div class="head"><div class="row"><b>timestamp</b><b>transaction_id</b><b>transaction_type</b><b>amount</b><b>status</b></div></div>
<div class="viewport" style="height: 200px; overflow-y: auto; position: relative"><div class="canvas" style="position: relative"></div></div>
<script>
const HEIGHT = 20;
const view = document.querySelector('.viewport');
const canvas = document.querySelector('.canvas');
const hole = document.querySelector('#count').dataset.hole ? 5 : -1;
let all = [];
const draw = () => {
  const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - 1);
  const shown = [];
  for (let at = first; at < Math.min(all.length, first + 13); at += 1) if (at !== hole) shown.push(at);
  shown.sort((a, b) => (a % 13) - (b % 13));
  canvas.replaceChildren(...shown.map((at) => {
    const row = document.createElement('div');
    row.className = 'row';
    row.dataset.key = all[at].id;
    row.style = `position: absolute; height: ${HEIGHT}px; top: ${at * HEIGHT}px`;
    for (const text of [all[at].when, all[at].id, all[at].type, all[at].amount.value, all[at].status]) {
      const cell = document.createElement('span');
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  }));
};
view.addEventListener('scroll', () => setTimeout(draw, 30));
(async () => {
  const asked = new URLSearchParams(location.search);
  for (let more = true; more;) {
    const { items, page_info } = await (await fetch('/api/payments?' + asked)).json();
    all.push(...items);
    more = page_info.has_next_page;
    asked.set('after', page_info.end_cursor);
  }
  canvas.style.height = `${all.length * HEIGHT}px`;
  draw();
})();
</script>"#;

/// Each row has `button.show`, which puts the row's details into `div#detail`.
pub(super) const DETAILS: &str = r#"<table id="list"><tbody><tr><th>timestamp<th>amount<th>more</tr></tbody></table>
<p id="nothing" hidden>No payments in this period</p><p id="filled" hidden></p>
<div id="detail" hidden></div>
<script>
const list = document.querySelector('#list tbody');
const detail = document.querySelector('#detail');
const show = async (id) => {
  const item = await (await fetch('/api/detail?id=' + id)).json();
  detail.innerHTML = '<dl><dt>Id<dd class="id"><dt>Type<dd class="type"><dt>Status<dd class="status"><dt>Name<dd class="name"></dl>';
  detail.querySelector('.id').textContent = item.id;
  detail.querySelector('.type').textContent = item.type;
  detail.querySelector('.status').textContent = item.status;
  detail.querySelector('.name').textContent = item.counterparty.name;
  const close = document.createElement('button');
  close.className = 'close';
  close.textContent = 'Close';
  close.addEventListener('click', () => { detail.replaceChildren(); detail.hidden = true; });
  detail.append(close);
  detail.hidden = false;
};
(async () => {
  const asked = new URLSearchParams(location.search);
  for (let more = true; more;) {
    const { items, page_info } = await (await fetch('/api/payments?' + asked)).json();
    for (const item of items) {
      const row = list.insertRow();
      for (const text of [item.when, item.amount.value]) row.insertCell().textContent = text;
      const button = document.createElement('button');
      button.className = 'show';
      button.textContent = 'Details';
      button.addEventListener('click', () => show(item.id));
      row.insertCell().append(button);
    }
    more = page_info.has_next_page;
    asked.set('after', page_info.end_cursor);
  }
  document.querySelector('#filled').hidden = false;
  document.querySelector('#filled').className = 'yes';
  if (list.rows.length === 1) document.querySelector('#nothing').hidden = false;
})();
</script>"#;
