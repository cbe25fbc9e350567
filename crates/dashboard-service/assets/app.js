// What a page does beside drawing: filters without a reload, sortable tables, jobs, live refresh.
// The address is the state: every change of it is one small request, and an older one is given up.
"use strict";
(() => {
  const main = document.getElementById("content");
  const message = document.getElementById("message");
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const words = read("words");
  const comptoir = (window.comptoir = { figures: read("figures"), version: 1, show, say, element });
  const locale = document.documentElement.lang === "fr" ? "fr-FR" : "en-GB";
  const finals = ["succeeded", "succeeded_with_rejects", "failed", "cancelled"];
  document.documentElement.classList.add("js");

  // ---- views -------------------------------------------------------------------------------------------

  let pending = null;

  /** Shows what is at `address`. A `quiet` view that cannot be had leaves the page as it is. */
  async function show(address, { push = true, quiet = false } = {}) {
    pending?.abort();
    const mine = (pending = new AbortController());
    const waiting = setTimeout(() => {
      main.setAttribute("aria-busy", "true");
      if (!quiet) say(words.loading);
    }, 250);
    try {
      const answer = await fetch(address, { headers: { "X-View": "1" }, signal: mine.signal });
      const view = await answer.json();
      if (quiet && !answer.ok) throw new Error(String(answer.status));
      if (push) history.pushState(null, "", address);
      place(view);
      // A page that follows a job changes all the time, and says so itself.
      say(quiet && !main.querySelector("[data-live]") ? words.updated : "");
    } catch (cause) {
      if (mine.signal.aborted) return;
      say(words.offline, { retry: () => show(address, { push, quiet }) });
    } finally {
      clearTimeout(waiting);
      if (pending === mine) {
        pending = null;
        main.removeAttribute("aria-busy");
      }
    }
  }

  /** Puts `view` into the page; charts, open tables and the focus stay. */
  function place(view) {
    const focus = remember(document.activeElement);
    const open = [...main.querySelectorAll("details[open]")].map((details) => details.id);
    const scale = main.querySelector("input[name=scale]:checked")?.value;
    const template = document.createElement("template");
    template.innerHTML = view.html;
    for (const chart of template.content.querySelectorAll("[data-chart]")) {
      const old = document.getElementById(chart.id);
      if (old && main.contains(old)) chart.replaceWith(old);
    }
    main.replaceChildren(template.content);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    const radio = main.querySelector(`input[name=scale][value="${scale}"]`);
    if (radio) radio.checked = true;
    document.title = `${view.title} · Comptoir`;
    comptoir.figures = view.figures;
    comptoir.version += 1;
    document.documentElement.dataset.view = String(comptoir.version);
    upgrade();
    if (focus) focus();
    document.dispatchEvent(new Event("figures"));
  }

  /** How to find `element` again after the page around it has changed. */
  function remember(element) {
    if (!element || !main.contains(element)) return null;
    if (element.id) return () => document.getElementById(element.id)?.focus({ preventScroll: true });
    const section = element.closest("section, form");
    const name = section?.getAttribute("aria-labelledby") ?? section?.getAttribute("aria-label");
    const text = element.textContent;
    return () => {
      const sections = [...main.querySelectorAll("section, form")];
      const same = sections.find((other) => (other.getAttribute("aria-labelledby") ?? other.getAttribute("aria-label")) === name);
      const candidates = [...(same ?? main).querySelectorAll("a, button")];
      (candidates.find((other) => other.textContent === text) ?? main).focus({ preventScroll: true });
    };
  }

  /** Says something to everyone; it goes away by itself, unless it is to `stay` or offers to `retry`. */
  function say(text, { retry, stay } = {}) {
    message.textContent = text;
    if (retry) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words.retry;
      button.addEventListener("click", retry);
      message.append(button);
    } else if (text && !stay && text !== words.loading) {
      setTimeout(() => {
        if (message.textContent === text) message.textContent = "";
      }, 4000);
    }
  }

  // ---- tables ------------------------------------------------------------------------------------------

  let retrying = 0;

  /** Adds to fresh content what needs a script. */
  function upgrade() {
    for (const head of main.querySelectorAll("table[data-sortable] thead th")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(head));
      head.replaceChildren(button);
    }
    clearTimeout(retrying);
    const failed = main.querySelector("[data-retry]");
    if (failed) retrying = setTimeout(() => show(location.href, { push: false }), Number(failed.dataset.retry));
  }

  function sort(head) {
    const column = head.cellIndex;
    const rising = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const body = head.closest("table").tBodies[0];
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const rows = [...body.rows].sort((a, b) => {
      const [left, right] = [key(a), key(b)];
      if (!left || !right) return !left - !right; // what is not known stands last
      const difference = Number(left) - Number(right);
      return (rising ? 1 : -1) * (Number.isNaN(difference) ? left.localeCompare(right, locale) : difference);
    });
    body.replaceChildren(...rows);
    // What is saved is what is on the screen, its order included.
    for (const link of head.closest("section")?.querySelectorAll(".save a") ?? []) {
      const address = new URL(link.href);
      if (!head.dataset.column || !address.pathname.includes("/export")) continue;
      address.searchParams.set("_sort", head.dataset.column);
      address.searchParams.set("_order", rising ? "asc" : "desc");
      link.href = address.pathname + address.search;
    }
  }

  // ---- filters -----------------------------------------------------------------------------------------

  /** The address of what `form` asks for. A preset stays unless `changed` is one of the days. */
  function addressOf(form, changed) {
    const query = new URLSearchParams();
    const now = new URLSearchParams(location.search);
    const preset = form.querySelector(".presets") && !now.has("from") && !now.has("to") && !["from", "to"].includes(changed);
    if (preset && now.has("period")) query.set("period", now.get("period"));
    for (const [name, value] of new FormData(form)) {
      if (value && !(preset && ["from", "to"].includes(name))) query.set(name, value);
    }
    const text = query.toString();
    return form.getAttribute("action") + (text ? `?${text}` : "");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-filters]")) {
      event.preventDefault();
      show(addressOf(form, event.submitter ? "from" : ""));
    } else if (form.matches("[data-forecast]")) {
      event.preventDefault();
      const asked = new FormData(form);
      const request = { model: asked.get("model"), horizon: Number(asked.get("horizon")) };
      if (asked.get("region")) request.region = asked.get("region");
      if (asked.get("product")) request.product = Number(asked.get("product"));
      if (asked.get("holidays")) request.params = { prophet: { holidays: "fr" } };
      start("/api/jobs/forecast", JSON.stringify(request));
    } else if (form.matches("[data-schedule]")) {
      event.preventDefault();
      const [hour, minute] = form.elements.time.value.split(":").map(Number);
      const job = form.elements.job.value;
      const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      change("PUT", `/api/schedules/daily-${job}`, { job, cron: `${minute} ${hour} * * *`, time_zone });
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-filters]");
    if (form && form.checkValidity()) show(addressOf(form, event.target.name));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-view]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      show(link.getAttribute("href"));
      return;
    }
    const doomed = event.target.closest("[data-delete]");
    if (doomed) change("DELETE", doomed.dataset.delete);
    const button = event.target.closest("[data-post]");
    if (button) {
      button.disabled = true;
      start(button.dataset.post, button.dataset.body).finally(() => (button.disabled = false));
    }
  });
  window.addEventListener("popstate", () => show(location.href, { push: false }));

  // ---- jobs --------------------------------------------------------------------------------------------

  /** Changes something that the page lists, and shows the list as it is then. */
  async function change(method, address, content) {
    try {
      const body = content && JSON.stringify(content);
      const answer = await fetch(address, { method, body, headers: body ? { "Content-Type": "application/json" } : {} });
      if (answer.ok) await relist();
      else say((await answer.json()).detail ?? String(answer.status), { stay: true });
    } catch (cause) {
      say(words.offline);
    }
  }

  /** Starts a job and follows it to its end. Resolves to the job, or to nothing when it was refused. */
  async function start(address, body, headers) {
    try {
      const type = body === undefined || headers ? {} : { "Content-Type": "application/json" };
      const answer = await fetch(address, { method: "POST", body, headers: { ...type, ...headers } });
      const job = await answer.json();
      if (!answer.ok) {
        say(job.detail ?? String(answer.status), { stay: true });
        return null;
      }
      const ended = await follow(job);
      await (document.querySelector("[data-import]") ? relist() : show(location.href, { push: false, quiet: true }));
      if (ended.state === "failed") say(ended.error?.detail ?? words.states.failed, { stay: true });
      return ended;
    } catch (cause) {
      say(words.offline);
      return null;
    }
  }

  /** Shows how far `job` is until it ends. */
  function follow(job) {
    progress(job);
    if (finals.includes(job.state)) return Promise.resolve(job);
    return new Promise((resolve) => {
      const source = new EventSource(`/api/jobs/${job.id}/events`);
      const hear = (event) => {
        if (!event.data) return;
        const now = JSON.parse(event.data);
        progress(now);
        if (finals.includes(now.state)) {
          source.close();
          resolve(now);
        }
      };
      for (const name of ["message", "snapshot", "progress", "end"]) source.addEventListener(name, hear);
    });
  }

  function progress(job) {
    const box = document.getElementById("progress");
    if (!box) return;
    box.hidden = false;
    const bar = box.querySelector("progress");
    // A comparison of models tells which one it is at: `comparing ets (3 of 6)`.
    const model = /\((\d+) of (\d+)\)$/.exec(job.progress?.phase ?? "");
    const reached = model ? (100 * (model[1] - 1)) / model[2] : job.progress?.percent;
    const percent = finals.includes(job.state) ? 100 : reached;
    if (percent === null || percent === undefined) bar.removeAttribute("value");
    else bar.value = percent;
    let done = job.counters?.read ? ` · ${job.counters.read.toLocaleString(locale)}` : "";
    if (model && !finals.includes(job.state)) done = ` · ${model[1]} / ${model[2]}`;
    box.querySelector("[data-state]").textContent = `${words.states[job.state] ?? job.state}${done}`;
  }

  /** Has the rejects of a job imported again, corrected when there is a file, and goes to the new job. */
  async function replay(address, file) {
    const type = file?.name.endsWith("json") ? "application/x-ndjson" : "text/csv";
    const job = await start(address, file, file ? { "Content-Type": type } : undefined);
    if (job) location.assign(`/jobs/${job.id}`);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-replay]");
    if (button) replay(button.dataset.replay);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[data-replay]") && event.target.files[0]) replay(event.target.dataset.replay, event.target.files[0]);
  });

  // ---- for the pages ----------------------------------------------------------------------------------

  function element(name, text, style) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (style) made.className = style;
    return made;
  }

  /** Brings the lists of the page up to date; the rest of it, with what was chosen, stays. */
  async function relist() {
    const answer = await fetch(location.href, { headers: { "X-View": "1" } });
    if (!answer.ok) return;
    const template = document.createElement("template");
    template.innerHTML = (await answer.json()).html;
    for (const part of template.content.querySelectorAll("[data-part]")) {
      document.getElementById(part.id)?.replaceWith(part);
    }
  }

  // ---- live --------------------------------------------------------------------------------------------

  // States as they were last heard; what had ended before is no news.
  const heard = new Map();
  let refreshing = 0;

  function refresh() {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => show(location.href, { push: false, quiet: true }), 300);
  }

  function listen() {
    const source = new EventSource("/api/events");
    const hear = (event) => {
      if (!event.data) return;
      const job = JSON.parse(event.data);
      if (!job.id || !job.state) return;
      const before = heard.get(job.id);
      heard.set(job.id, job.state);
      const ended = finals.includes(job.state) && before !== job.state;
      const data = main.querySelector("[data-filters], #empty") && ["import", "forecast"].includes(job.kind);
      if (main.querySelector("[data-live]") || (ended && data)) refresh();
    };
    for (const name of ["message", "snapshot", "progress", "end"]) source.addEventListener(name, hear);
    // A job that ended between the page and this stream is no news any more.
    source.addEventListener("open", () => main.querySelector(".s-running, .s-queued, .s-interrupted") && refresh());
    source.addEventListener("error", () => {
      // A service that answers with an error is not asked again by the browser itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  }

  upgrade();
  if (!document.querySelector("[data-import]")) listen();
})();
