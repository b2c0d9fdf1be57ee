/* Signals, not markup: the socket carries topic names, and each region fetches its own view. */
(() => {
  const body = document.body;
  const mark = document.querySelector("[data-live-mark]");
  const keep = new Set(["value", "checked", "open"]), open = ":popover-open";
  let socket, again, paused = false, opened = false, tries = 0;

  // A refresh must not untick rows, close details or empty a half-typed field.
  Idiomorph.defaults.ignoreActiveValue = true;
  // What was refused opens again.
  document.querySelector("[data-again]")?.showPopover();
  const kept = (node) => !("fresh" in node.dataset) && node.closest("[data-keep]");
  Object.assign(Idiomorph.defaults.callbacks, {
    beforeAttributeUpdated: (name, node) => !(keep.has(name) && kept(node)),
    // An open form stays: what has changed is told once it is sent.
    beforeNodeRemoved: (node) => !(node.matches?.(open) || node.querySelector?.(open)),
    // So does a slow part that was fetched once, unless its name says that it is another.
    beforeNodeMorphed: (old, fresh) => !(old.matches?.(".sheet-dialog" + open) || old.dataset?.once === "" && old.id === fresh.id),
  });

  const tell = (name) => body.dispatchEvent(new CustomEvent("live:" + name));

  const show = (state) => {
    if (paused) state = "paused";
    if (!mark || mark.dataset.state === state) return;
    mark.dataset.state = state;
    mark.querySelector("[data-live-word]").textContent = mark.dataset[state];
  };

  const asOf = (moment) => {
    const time = mark?.querySelector("time");
    if (!time || isNaN(moment)) return;
    time.dateTime = moment.toISOString();
    const clock = { timeStyle: "short", timeZone: time.dataset.zone };
    time.textContent = time.textContent.replace(/\S+/, moment.toLocaleTimeString("en-GB", clock));
  };

  const connect = () => {
    if (!body.dataset.live) return;
    socket = new WebSocket(location.origin.replace("http", "ws") + body.dataset.live);
    socket.onopen = () => {
      tries = 0;
      show("live");
      if (opened) tell("resync");
      opened = true;
    };
    socket.onmessage = (message) => {
      if (paused) return;
      for (const topic of JSON.parse(message.data).topics || []) tell(topic);
    };
    socket.onclose = () => {
      show("reconnecting");
      const wait = Math.min(30000, 1000 * 2 ** tries++) * (0.5 + Math.random() / 2);
      again = setTimeout(connect, wait);
    };
  };

  addEventListener("offline", () => show("reconnecting"));
  addEventListener("online", () => {
    clearTimeout(again);
    tries = 0;
    socket?.readyState < 2 ? socket.close() : connect();
  });

  // A form goes once, and never without a network.
  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form.method !== "post" || form.matches("[hx-post]")) return;
    if (!navigator.onLine) {
      const said = form.querySelector("[role=alert]") || form.appendChild(document.createElement("p"));
      Object.assign(said, { role: "alert", className: "form-errors", textContent: body.dataset.unsent });
    } else if (!button?.ariaBusy) {
      if (button && !("file" in form.dataset)) button.ariaBusy = "true";
      return;
    }
    event.preventDefault();
  });
  addEventListener("pageshow", () => document.querySelectorAll("[aria-busy]").forEach((one) => { one.ariaBusy = null; }));

  const region = (event) => event.detail.elt.closest?.("[data-region]");

  body.addEventListener("htmx:beforeRequest", (event) => {
    if (paused && event.detail.elt.matches("[data-region]")) event.preventDefault();
  });

  // A session that ended answers with the sign-in page: show it whole, never inside a region.
  body.addEventListener("htmx:beforeSwap", (event) => {
    const at = event.detail.xhr.responseURL;
    if (at && body.dataset.signIn && new URL(at).pathname === body.dataset.signIn) {
      event.preventDefault();
      location.reload();
    }
  });

  body.addEventListener("htmx:afterRequest", (event) => {
    const box = region(event);
    if (!box) return;
    if (event.detail.successful) return asOf(new Date(event.detail.xhr.getResponseHeader("Date")));
    box.dataset.stale = "";
    box.querySelector(".region-error")?.setAttribute("data-shown", "");
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-live-pause]");
    if (!button) return;
    paused = !paused;
    button.ariaPressed = paused;
    show(socket?.readyState === 1 ? "live" : "reconnecting");
    if (!paused) tell("resync");
  });

  connect();
})();
