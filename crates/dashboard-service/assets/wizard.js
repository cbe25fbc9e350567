// The import of files: they are dropped, looked at, asked about, and go off as one job. What each is and what it leaves
// open, the preview of script-service says; this only shows it.
"use strict";
(() => {
  const form = document.querySelector("[data-import]");
  if (!form) return;
  const { say, element } = window.comptoir;
  const words = JSON.parse(document.getElementById("wizard-words").textContent);
  const tag = document.documentElement.lang;
  const locale = tag === "fr" ? "fr-FR" : "en-GB";
  const colon = tag === "fr" ? "\u00a0:" : ":";
  const byId = (id) => document.getElementById(id);

  /** How much of a file a preview looks at, in bytes: the beginning, or all of what has its directory at its end. */
  const LOOKED_AT = 2 << 20;
  const LOOKED_AT_WHOLE = 64 << 20;
  /** More choices than this are a list, not buttons. */
  const MANY_CHOICES = 6;
  /** How many of the first rows are shown. */
  const ROWS = 6;

  /** The files, in the order in which they came. */
  let files = [];
  let made = 0;
  let sending = null;

  // ---- files -------------------------------------------------------------------------------------------

  function add(dropped) {
    for (const file of dropped) {
      // The same file again, perhaps changed, takes its own place.
      for (const other of files.filter((other) => other.file.name === file.name)) forgetFile(other);
      const card = element("section", "", "file");
      const entry = { id: (made += 1), file, card, table: null, answers: {}, asked: new Map(), seen: null, refused: "" };
      card.setAttribute("aria-labelledby", `file-${entry.id}`);
      files.push(entry);
      byId("files").append(card);
      look(entry);
    }
    update();
  }

  function forgetFile(entry) {
    entry.request?.abort();
    entry.card.remove();
    files = files.filter((other) => other !== entry);
  }

  function drop(entry) {
    forgetFile(entry);
    update();
    byId("file").focus();
  }

  /** What the preview is to look at of `file`. */
  async function beginning(file) {
    const magic = new Uint8Array(await file.slice(0, 4).arrayBuffer());
    const starts = (...bytes) => bytes.every((byte, place) => magic[place] === byte);
    const isWhole = starts(0x50, 0x4b, 3, 4) || starts(0xd0, 0xcf, 0x11, 0xe0);
    return file.slice(0, isWhole ? LOOKED_AT_WHOLE : LOOKED_AT);
  }

  /** Has `entry` looked at, with the answers so far. */
  async function look(entry) {
    entry.request?.abort();
    const mine = (entry.request = new AbortController());
    entry.looking = true;
    show(entry);
    update();
    const query = new URLSearchParams({ name: entry.file.name, lang: tag, mode: byId("mode").value });
    if (entry.table) query.set("table", entry.table);
    if (Object.keys(entry.answers).length) query.set("answers", JSON.stringify(entry.answers));
    const forget = (why, detail = "") => Object.assign(entry, { seen: null, refused: why, detail });
    try {
      const body = await beginning(entry.file).catch(() => null);
      if (!body) forget(words.unreadable);
      else {
        const headers = { "Content-Type": "application/octet-stream" };
        const answer = await fetch(`/api/imports/preview?${query}`, { method: "POST", headers, body, signal: mine.signal });
        const seen = await answer.json();
        if (answer.ok) {
          Object.assign(entry, { seen, refused: "", detail: "" });
          for (const question of seen.questions) entry.asked.set(question.id, question);
        } else forget(words.refusals[seen.code] ?? seen.detail ?? String(answer.status), words.refusals[seen.code] ? seen.detail : "");
      }
    } catch (cause) {
      if (mine.signal.aborted) return;
      forget(words.offline);
    }
    entry.looking = false;
    show(entry);
    update();
  }

  /** The questions of `entry` that nobody has answered and nothing is assumed for. */
  const open = (entry) => (entry.seen?.questions ?? []).filter((question) => question.assumed === null);
  const isReady = (entry) => entry.seen && !entry.looking && !open(entry).length;

  /** The button, and what keeps it from being pressed. */
  function update() {
    byId("go").hidden = !files.length;
    const isLooking = files.some((entry) => entry.looking);
    const isOpen = files.some((entry) => entry.seen && open(entry).length);
    const isRefused = files.some((entry) => entry.refused);
    byId("start").disabled = Boolean(sending) || isLooking || isOpen || !files.some(isReady);
    byId("go-hint").textContent = isLooking ? words.looking : isOpen ? words.some_open : isRefused && files.some(isReady) ? words.some_refused : "";
  }

  // ---- what a file is ----------------------------------------------------------------------------------

  const day = (text) => new Date(`${text}T12:00:00`).toLocaleDateString(locale, { day: "numeric", month: "long", year: "numeric" });
  const count = (number) => number.toLocaleString(locale);
  const unit = tag === "fr" ? "o" : "B";
  const size = (bytes) => (bytes < 1 << 20 ? `${count(Math.ceil(bytes / 1024))} k${unit}` : `${count(Math.round(bytes / (1 << 20)))} M${unit}`);

  function money(cents, currency) {
    try {
      return (cents / 100).toLocaleString(locale, { style: "currency", currency });
    } catch (cause) {
      return `${(cents / 100).toLocaleString(locale, { minimumFractionDigits: 2 })} ${currency}`;
    }
  }

  /** Shows `entry` as it is now; the focus stays where it was. */
  function show(entry) {
    const focus = entry.card.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...entry.card.querySelectorAll("details[open]")].map((details) => details.id);
    const { file, seen, card } = entry;
    const head = element("div", "", "file-head");
    const name = element("h2", file.name);
    name.id = `file-${entry.id}`;
    const state = entry.looking ? "" : entry.refused ? words.refused : open(entry).length ? words.asked : words.ready;
    const remove = element("button", words.remove, "link");
    remove.type = "button";
    remove.setAttribute("aria-label", `${words.remove}${colon} ${file.name}`);
    remove.addEventListener("click", () => drop(entry));
    head.append(name, element("span", size(file.size), "hint"), element("span", state, `mark ${entry.refused ? "bad" : open(entry).length ? "" : "good"}`), remove);
    const parts = [head];
    if (entry.looking && !seen) parts.push(element("p", words.looking, "hint"));
    if (entry.refused) {
      parts.push(element("p", entry.refused, "reason"));
      if (entry.detail) {
        const detail = element("p", entry.detail, "hint");
        detail.lang = "en";
        parts.push(detail);
      }
    }
    if (seen) parts.push(facts(entry), ...questions(entry), rows(entry), understood(entry));
    card.setAttribute("aria-busy", String(Boolean(entry.looking)));
    card.replaceChildren(...parts.filter(Boolean));
    for (const id of opened) byId(id)?.setAttribute("open", "");
    if (focus) byId(focus)?.focus();
  }

  function pairs(list, style) {
    const box = element("dl", "", style);
    for (const [name, value] of list) {
      if (value === undefined || value === null || value === "") continue;
      const pair = document.createElement("div");
      pair.append(element("dt", name), element("dd", String(value)));
      box.append(pair);
    }
    return box.childElementCount ? box : null;
  }

  /** What kind of file it is, and what it brings. */
  function facts(entry) {
    const { seen, file } = entry;
    const box = document.createElement("div");
    const line = element("p", "", "kind");
    const label = element("label", "");
    const select = document.createElement("select");
    select.id = `table-${entry.id}`;
    for (const [table, text] of Object.entries(words.tables)) select.add(new Option(text, table, false, table === seen.table));
    select.addEventListener("change", () => {
      Object.assign(entry, { table: select.value, answers: {}, asked: new Map() });
      look(entry);
    });
    label.append(element("span", `${words.into} `), select);
    line.append(label);
    box.append(line);
    const report = seen.report;
    if (report) {
      const days = report.first_day && (report.first_day === report.last_day ? day(report.first_day) : `${day(report.first_day)} – ${day(report.last_day)}`);
      const names = (made, some) => made && `${count(made)} (${some.slice(0, 3).join(", ")}${made > 3 ? ", …" : ""})`;
      const skipped = Object.values(report.skipped ?? {}).reduce((sum, some) => sum + some, 0);
      const list = [
        [words.days, days],
        [words.lines, count(report.lines)],
        [words.revenue, money(report.revenue_cents, report.currency)],
        [words.new_products, names(report.created.products, report.new_products)],
        [words.new_stores, names(report.created.stores, report.new_stores)],
        [words.left_out, skipped ? count(skipped) : null],
      ];
      box.append(pairs(list, "row"));
      if (file.size > LOOKED_AT) box.append(element("p", words.beginning, "hint"));
    }
    return box;
  }

  /** A question each: one click answers it. */
  function questions(entry) {
    const now = new Set(entry.seen.questions.map((question) => question.id));
    const asked = [...entry.asked.values()].filter((question) => now.has(question.id) || question.id in entry.answers);
    return asked.map((question) => {
      const box = element("fieldset", "", "question");
      box.append(element("legend", quoted(question.text)));
      const given = entry.answers[question.id] ?? question.assumed;
      const answer = (value) => {
        entry.answers[question.id] = value;
        look(entry);
      };
      const id = `answer-${entry.id}-${question.id}`;
      if (!question.choices.length) box.append(...anyText(id, question, given, answer));
      else if (question.choices.length > MANY_CHOICES) box.append(aList(id, question, given, answer));
      else {
        for (const [place, { value, text }] of question.choices.entries()) {
          const label = element("label", "", "choice");
          const radio = document.createElement("input");
          Object.assign(radio, { type: "radio", name: id, value, id: `${id}-${place}`, checked: given === value });
          radio.addEventListener("change", () => answer(value));
          label.append(radio, element("span", quoted(text)));
          if (value === question.assumed) label.append(element("span", `(${words.assumed})`, "hint"));
          box.append(label);
        }
      }
      return box;
    });
  }

  function anyText(id, question, given, answer) {
    const text = document.createElement("input");
    Object.assign(text, { type: "text", id, value: given ?? "" });
    text.setAttribute("aria-label", question.text);
    const button = element("button", words.answer, "button quiet");
    Object.assign(button, { type: "button", id: `${id}-button` });
    button.addEventListener("click", () => text.value.trim() && answer(text.value.trim()));
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      button.click();
    });
    return [text, button];
  }

  function aList(id, question, given, answer) {
    const select = document.createElement("select");
    select.id = id;
    select.setAttribute("aria-label", question.text);
    if (given === null || given === undefined) select.add(new Option(words.choose, "", true, true));
    for (const { value, text } of question.choices) select.add(new Option(quoted(text), value, false, value === given));
    select.addEventListener("change", () => select.value && answer(select.value));
    return select;
  }

  /** The first rows, as they would be stored. */
  function rows(entry) {
    const { rows: seen, report } = entry.seen;
    if (!seen.length) return null;
    const wanted = ["sale_date", "sale_time", "ticket_id", "product", "store", "quantity", "amount"];
    const there = [...new Set(seen.flatMap((row) => Object.keys(row.values ?? {})))];
    const isExport = there.includes("product");
    const has = (column) => seen.some((row) => row.values && row.values[column] !== null && row.values[column] !== undefined);
    const columns = isExport ? wanted.filter(has) : there.filter(has);
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const column of ["line", ...columns]) {
      const cell = element("th", words.names[column] ?? words.parts[column] ?? column);
      cell.scope = "col";
      if (["quantity", "amount"].includes(column)) cell.className = "number";
      head.append(cell);
    }
    const body = table.createTBody();
    for (const row of seen.slice(0, ROWS)) {
      const line = body.insertRow();
      line.insertCell().textContent = row.line;
      if (!row.values) {
        const cell = line.insertCell();
        cell.colSpan = Math.max(1, columns.length);
        const isSkipped = row.code === "skipped";
        const word = /`(.*)`/.exec(row.message ?? "")?.[1] ?? "";
        const why = isSkipped ? words.no_sale.replace("{name}", () => word) : words.rejects[row.code] ?? row.message ?? row.code;
        const said = isSkipped ? why : `${words.not_taken}${colon} ${why}`;
        cell.append(element("span", said, isSkipped ? "hint" : "reason"), element("div", row.raw, "raw"));
        continue;
      }
      for (const column of columns) {
        const cell = line.insertCell();
        cell.textContent = written(row.values[column], column, report?.currency);
        if (["quantity", "amount"].includes(column)) cell.className = "number";
      }
    }
    const scroll = element("div", "", "scroll");
    scroll.tabIndex = 0;
    scroll.id = `rows-of-${entry.id}`;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `${words.rows}${colon} ${entry.file.name}`);
    scroll.append(table);
    return folded(entry, "rows", words.rows, [scroll], true);
  }

  /** `text` with names in the quotes of its language. */
  function quoted(text) {
    return text.replace(/`([^`]*)`/g, tag === "fr" ? "«\u00a0$1\u00a0»" : "“$1”");
  }

  function written(value, column, currency) {
    if (value === null || value === undefined) return "–";
    if (column === "sale_date") return new Date(`${value}T12:00:00`).toLocaleDateString(locale);
    if (column === "amount" && currency) return money(Math.round(Number(value) * 100), currency);
    return typeof value === "number" ? count(value) : String(value);
  }

  /** What was decided, and what was not used. */
  function understood(entry) {
    const { decisions, notes } = entry.seen;
    const term = (name) => words.terms[name] ?? String(name).replaceAll("_", " ");
    const part = (name) => words.parts[name] ?? term(name);
    const parts = [];
    const said = [...decisions.sales ?? []].map((decision) => decision.text);
    for (const column of decisions.columns) {
      const how = [column.decimal, column.date_order, column.decided_by].filter(Boolean).map(term).join(", ");
      said.push(`${part(column.column)}${colon} ${how}`);
    }
    const list = document.createElement("ul");
    for (const text of [...said, ...notes]) list.append(element("li", quoted(text)));
    if (list.childElementCount) parts.push(list);
    const columns = decisions.mapping.map(({ header, column }) => [header, part(column)]);
    if (decisions.ignored_headers.length) columns.push([words.unused, decisions.ignored_headers.join(", ")]);
    const mapped = pairs(columns, "list");
    if (mapped) parts.push(element("h3", words.columns), mapped);
    const dialect = decisions.dialect ?? {};
    const facts = ["format", "packing", "encoding"].map((name) => [term(name), decisions[name]]);
    facts.push([term("delimiter"), dialect.delimiter?.replace("\t", "tab")], [term("skip_lines"), dialect.skip_lines || decisions.sheet?.skip_lines || null]);
    facts.push(["", (decisions.sheets?.length ? decisions.sheets : [decisions.sheet].filter(Boolean)).map((sheet) => sheet.name).join(", ")]);
    const how = pairs(facts, "list");
    if (how) parts.push(element("h3", words.writing), how);
    return folded(entry, "understood", words.understood, parts, false);
  }

  function folded(entry, name, title, parts, isOpen) {
    const id = `${name}-${entry.id}`;
    const details = document.createElement("details");
    details.id = id;
    // Open when it comes first; afterwards as the reader left it.
    details.open = isOpen && !byId(id);
    const summary = element("summary", title);
    summary.id = `${id}-summary`;
    details.append(summary, ...parts);
    return details;
  }

  // ---- off they go -------------------------------------------------------------------------------------

  function send() {
    const ready = files.filter(isReady);
    if (!ready.length || sending) return;
    const body = new FormData();
    body.append("options", JSON.stringify({ files: ready.map((entry) => ({ answers: entry.answers })) }));
    for (const entry of ready) body.append(entry.seen.table, entry.file, entry.file.name);
    const query = new URLSearchParams({ mode: byId("mode").value });
    if (byId("dry_run").checked) query.set("dry_run", "true");
    const box = byId("progress");
    const bar = box.querySelector("progress");
    const state = box.querySelector("[data-state]");
    sending = new XMLHttpRequest();
    const ended = (why) => {
      sending = null;
      box.hidden = true;
      byId("stop").hidden = true;
      update();
      if (why) say(why, { stay: true });
    };
    sending.open("POST", `/api/jobs/import?${query}`);
    sending.setRequestHeader("Idempotency-Key", key());
    sending.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
    });
    sending.addEventListener("load", () => {
      const { status, responseText } = sending;
      let answer = {};
      try {
        answer = JSON.parse(responseText);
      } catch (cause) {
        // Whatever stands between answered: its status is all that is known.
      }
      ended(status < 300 ? "" : answer.detail ?? String(status));
      // From here on the address is the state: a reload goes on with the job.
      if (status < 300) location.assign(`/jobs/${answer.id}`);
    });
    sending.addEventListener("error", () => ended(words.offline));
    sending.addEventListener("abort", () => ended(words.not_sent));
    bar.value = 0;
    state.textContent = words.sending;
    box.hidden = false;
    byId("stop").hidden = false;
    update();
    sending.send(body);
  }

  /** A name for this import that a second try has too. `randomUUID` is not there on a page without TLS. */
  function key() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  const box = byId("drop");
  byId("file").addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";
  });
  byId("mode").addEventListener("change", () => files.forEach(look));
  byId("stop").addEventListener("click", () => sending?.abort());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  // Anywhere on the page: a file that misses the box would otherwise replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  document.addEventListener("dragleave", () => box.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
  window.addEventListener("beforeunload", (event) => sending && event.preventDefault());
})();
