"use strict";
// The table of resources: search, sort, pages, and a CSV of what is shown. All else of the page works without this.
(() => {
  const PAGE = 100;
  const data = JSON.parse(document.getElementById("rows").textContent);
  const columns = data.columns, rows = data.rows;
  const table = document.getElementById("table"), search = document.getElementById("search");
  const count = document.getElementById("count"), back = document.getElementById("back"), on = document.getElementById("on");
  const texts = rows.map(row => row.join("\u0001").toLowerCase());
  let shown = rows.map((_, index) => index), page = 0, sorted = -1, down = false;

  const cell = (kind, text, css) => {
    const made = document.createElement(kind);
    made.textContent = text;
    if (css) made.className = css;
    return made;
  };
  const css = column => columns[column].number ? "number" : columns[column].time ? "time" : columns[column].word ? "word" : columns[column].long ? "long" : "";

  function head() {
    const row = document.createElement("tr");
    columns.forEach((column, index) => {
      if (column.hidden) return;
      const place = cell("th", "", css(index)), button = cell("button", column.name);
      place.setAttribute("aria-sort", sorted === index ? (down ? "descending" : "ascending") : "none");
      if (sorted === index) button.textContent += down ? " ↓" : " ↑";
      button.type = "button";
      button.addEventListener("click", () => sort(index));
      place.append(button);
      row.append(place);
    });
    return row;
  }

  function draw() {
    const last = Math.max(0, Math.ceil(shown.length / PAGE) - 1);
    page = Math.min(page, last);
    const body = document.createElement("tbody"), top = document.createElement("thead");
    top.append(head());
    for (const index of shown.slice(page * PAGE, (page + 1) * PAGE)) {
      const row = document.createElement("tr");
      row.className = "row";
      row.tabIndex = 0;
      columns.forEach((column, place) => { if (!column.hidden) row.append(cell("td", rows[index][place], css(place))); });
      row.addEventListener("click", () => open(row, index));
      row.addEventListener("keydown", event => { if (event.key === "Enter") open(row, index); });
      body.append(row);
    }
    table.replaceChildren(top, body);
    const from = shown.length ? page * PAGE + 1 : 0, to = Math.min(shown.length, (page + 1) * PAGE);
    count.textContent = `${from} to ${to} of ${shown.length}` + (shown.length < rows.length ? `, of ${rows.length} in all` : "");
    back.disabled = page === 0;
    on.disabled = page >= last;
  }

  function open(row, index) {
    const next = row.nextElementSibling;
    if (next && next.classList.contains("more")) return next.remove();
    const more = document.createElement("tr"), place = document.createElement("td");
    more.className = "more";
    place.colSpan = columns.filter(column => !column.hidden).length;
    columns.forEach((column, at) => {
      if (!rows[index][at]) return;
      const line = document.createElement("div");
      line.append(cell("span", column.name + ": ", "dim"), cell("code", rows[index][at]));
      place.append(line);
    });
    if (data.arn >= 0) {
      const line = document.createElement("div");
      line.append(cell("span", "The chain: ", "dim"), cell("code", data.who + quoted(rows[index][data.arn])));
      place.append(line);
    }
    more.append(place);
    row.after(more);
  }
  const quoted = text => /^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";

  function sort(index) {
    down = sorted === index ? !down : false;
    sorted = index;
    arrange();
    draw();
  }

  function arrange() {
    if (sorted < 0) return;
    const number = columns[sorted].number, value = index => rows[index][sorted];
    const order = number ? (a, b) => Number(value(a)) - Number(value(b)) : (a, b) => value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0;
    shown.sort((a, b) => (down ? -1 : 1) * order(a, b) || a - b);
  }

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      shown = [];
      texts.forEach((text, index) => { if (words.every(word => text.includes(word))) shown.push(index); });
      page = 0;
      arrange();
      draw();
    }, 120);
  });
  back.addEventListener("click", () => { page -= 1; draw(); });
  on.addEventListener("click", () => { page += 1; draw(); });
  document.getElementById("csv").addEventListener("click", () => {
    // A spreadsheet takes what begins so as a formula.
    const safe = text => /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    const field = text => '"' + safe(String(text)).replaceAll('"', '""') + '"';
    const lines = [columns.map(column => field(column.name)), ...shown.map(index => rows[index].map(field))];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.map(line => line.join(",")).join("\r\n")], { type: "text/csv" }));
    link.download = "resources.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  document.getElementById("resources").hidden = false;
  draw();
})();
