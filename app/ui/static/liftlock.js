// The dashboard without this file is whole, only still: this listens for news and fetches the page again.
"use strict";
(() => {
  const POLL_MS = 5000, MOVING_MS = 2000, SETTLE_MS = 100, APART_MS = 700, GRACE_MS = 4000;
  const page = () => document.getElementById("page");
  const live = document.getElementById("live");
  if (!live || !page()) return;
  document.documentElement.classList.add("scripted");
  // on a small screen the pages are one row: the one that is shown may stand outside it
  const row = document.querySelector(".side"), here = row?.querySelector("[aria-current]");
  if (here && row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;

  const words = document.getElementById("live-words"), time = document.getElementById("live-time");
  const state = { stream: null, paused: false, brokenSince: null, poll: null, settle: null, grace: null, lookedAt: 0, shownAt: new Date() };
  const clock = (at) => at.toISOString().slice(11, 19);

  function say() {
    const broken = state.brokenSince !== null, connected = state.stream?.readyState === EventSource.OPEN;
    live.classList.toggle("on", !state.paused && !broken && connected);
    live.classList.toggle("broken", !state.paused && broken);
    words.textContent = state.paused ? "Paused, as of" : broken ? `Asking every 5 s (no stream since ${clock(state.brokenSince)}), true at` : connected ? "Live, as of" : "Shown as of";
    time.textContent = clock(state.shownAt);
  }

  // ---- fetching the page again

  function refresh() {
    if (document.hidden || state.paused || !page().hasAttribute("hx-get")) return;
    htmx.trigger(page(), "doorbell");
  }
  function ring() {
    // soon, but not for each of a hundred steps: many rings are one look, and looks keep a distance
    const soonest = state.lookedAt + APART_MS - Date.now();
    state.settle ??= setTimeout(() => { state.settle = null; state.lookedAt = Date.now(); refresh(); }, Math.max(SETTLE_MS, soonest));
  }
  document.addEventListener("htmx:afterSwap", () => {
    state.shownAt = new Date();
    if (state.stream?.readyState === EventSource.OPEN) { state.brokenSince = null; stop("poll"); }
    say();
    count();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // signed in no longer: that is a page of its own, and not what is live on this one
    const at = new URL(event.detail.xhr.responseURL || location.href);
    if (at.pathname === "/ui/sign-in") { event.preventDefault(); location.assign(at); }
  });
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"])
    document.addEventListener(name, () => { lost(); });

  // ---- the stream, a doorbell; without it, asking

  function listen() {
    if (state.stream || state.paused || document.hidden) return;
    if (typeof EventSource === "undefined") return lost();
    const stream = state.stream = new EventSource(`/ui/events?topics=${encodeURIComponent(live.dataset.topics)}`);
    stream.onopen = () => {
      state.brokenSince = null;
      stop("poll");
      say();
      // a stream begins now: what has happened since the page was made is seen by looking once more
      ring();
    };
    stream.onmessage = ring;
    stream.onerror = () => {
      // the browser connects again by itself, unless it was refused
      if (stream.readyState === EventSource.CONNECTING) { state.grace ??= setTimeout(lost, GRACE_MS); return; }
      state.stream = null;
      setTimeout(listen, POLL_MS * 6);
      lost();
    };
    say();
  }
  function lost() {
    state.brokenSince ??= new Date();
    state.poll ??= setInterval(refresh, POLL_MS);
    say();
  }
  // a job that only waits rings nobody, and yet how long it has waited grows
  setInterval(() => { if (page().hasAttribute("data-moving") && state.poll === null) ring(); }, MOVING_MS);
  function stop(what) {
    clearTimeout(state.grace);
    state.grace = null;
    if (what === "poll") { clearInterval(state.poll); state.poll = null; return; }
    if (state.stream) state.stream.close();
    state.stream = null;
    stop("poll");
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stop("all");
    refresh();
    listen();
    if (state.brokenSince && !state.paused) lost();
  });
  window.addEventListener("pagehide", () => stop("all"));
  window.addEventListener("pageshow", (event) => { if (event.persisted) { refresh(); listen(); } });

  const pause = document.getElementById("pause");
  pause.addEventListener("click", () => {
    state.paused = !state.paused;
    pause.setAttribute("aria-pressed", String(state.paused));
    pause.textContent = state.paused ? "Go on" : "Pause";
    if (state.paused) stop("all"); else { refresh(); listen(); if (state.brokenSince) lost(); }
    say();
  });

  // ---- what a person has opened or typed is left as it is

  if (typeof Idiomorph !== "undefined") {
    Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !(old.nodeType === 1 && (old.matches("[data-keep].touched") || (old.matches("details.ask") && old.open)));
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && /^(DETAILS|DIALOG)$/.test(node.tagName));
  }
  document.addEventListener("input", (event) => event.target.closest("[data-keep]")?.classList.add("touched"));

  // ---- times go on counting

  const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  function count() {
    for (const one of document.querySelectorAll("time[data-ago]")) {
      const seconds = (new Date(one.dateTime) - Date.now()) / 1000, size = Math.abs(seconds);
      const unit = UNITS.find(([, length]) => size >= length);
      const said = !unit ? "now" : seconds > 0 ? `in ${Math.floor(size / unit[1])} ${unit[0]}` : `${Math.floor(size / unit[1])} ${unit[0]} ago`;
      if (one.textContent !== said) one.textContent = said;
    }
  }
  setInterval(() => { if (!document.hidden) count(); }, 1000);

  // ---- a log is followed while its end is in sight

  let following = true;
  document.addEventListener("scroll", (event) => {
    const log = event.target;
    if (log.matches?.("[data-follow]")) following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  }, true);
  function follow() {
    const log = document.querySelector("[data-follow]");
    if (log && following && !location.hash) log.scrollTop = log.scrollHeight;
  }
  document.addEventListener("htmx:afterSwap", follow);
  follow();

  // ---- asking once more: focus on the button that takes nothing away; Enter never confirms

  document.addEventListener("toggle", (event) => {
    const box = event.target;
    if (box.matches?.("details.ask") && box.open) (box.querySelector("input:not([type=hidden]), select") ?? box.querySelector("[data-no]"))?.focus();
  }, true);
  document.addEventListener("click", (event) => {
    const no = event.target.closest("details.ask [data-no]");
    if (no) { event.preventDefault(); const box = no.closest("details"); box.open = false; box.querySelector("summary").focus(); }
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { const was = copy.textContent; copy.textContent = "Copied"; setTimeout(() => { copy.textContent = was; }, 1500); });
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || event.target.method !== "post") return;
    setTimeout(() => { if (button) button.disabled = true; }, 0);
  });
  window.addEventListener("pageshow", () => { for (const one of document.querySelectorAll("form[method=post] button:disabled[name=answer], form[method=post] button:disabled:not([type])")) one.disabled = false; });

  // ---- keys: none of them changes anything in a database

  const keys = document.getElementById("keys");
  document.getElementById("help").addEventListener("click", () => keys.showModal());
  let going = 0;
  const DOES = {
    "/": () => document.getElementById("q").focus(),
    "r": () => pause.click(),
    "t": () => document.querySelector("#theme-form button").click(),
    "?": () => keys.showModal(),
    "g": () => { going = Date.now(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("form[data-severe] input, details.ask input")) return event.preventDefault();
    if (event.key === "Escape") return close(event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog[open]")) return;
    if (Date.now() - going < 1500) {
      going = 0;
      const link = document.querySelector(`nav a[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (DOES[event.key]) { event.preventDefault(); DOES[event.key](); }
  });
  function close(from) {
    const box = from.closest("details.ask[open]") ?? document.querySelector("details.ask[open]");
    if (box) { box.open = false; box.querySelector("summary").focus(); }
    else if (from.id === "q") from.blur();
  }

  listen();
  say();
})();
