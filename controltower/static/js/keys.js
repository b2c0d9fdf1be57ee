/* Everything by keyboard. Every key has a visible button; single keys can be switched off. */
(() => {
  const body = document.body;
  const typing = (node) => node.closest("input:not([type=checkbox],[type=radio]),textarea,select,[contenteditable]");
  const seen = (node) => node.getClientRects().length > 0;
  const press = (key) => {
    const node = [...document.querySelectorAll(`[data-key="${key}"]`)].find(seen);
    node?.focus();
    if (node && !node.matches("input,select,textarea")) node.click();
    return Boolean(node);
  };
  let leader = 0;

  const rows = () => [...document.querySelectorAll("[data-row]")].filter(seen);
  const current = () => document.querySelector("[data-row][data-at]");

  const move = (step) => {
    const all = rows();
    if (!all.length) return false;
    const was = current();
    const next = all[Math.max(0, Math.min(all.length - 1, was ? all.indexOf(was) + step : 0))];
    was?.removeAttribute("data-at");
    next.dataset.at = "";
    next.querySelector("a")?.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  };

  const tick = (shiftKey) => {
    const box = current()?.querySelector("input[data-select]");
    box?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey }));
    return Boolean(box);
  };

  const go = (key) => {
    const link = document.querySelector(`[data-go="${key}"]`);
    if (link) location.assign(link.href);
    return Boolean(link);
  };

  // What cannot be filtered can still be looked for.
  const look = () => {
    if (!press("/")) document.querySelector("[data-finder]").click();
    return true;
  };

  const handle = (event) => {
    const key = event.key.toLowerCase();
    if (Date.now() - leader < 1200) {
      leader = 0;
      return go(key);
    }
    if (key === "g") return Boolean((leader = Date.now()));
    if (key === "j") return move(1);
    if (key === "k") return move(-1);
    if (key === "x") return tick(event.shiftKey);
    if (key === "/") return look();
    if ("?rasepu".includes(key)) return press(key);
    return false;
  };

  // An open form has the focus.
  document.addEventListener("toggle", ({ target, newState }) => {
    if (newState !== "open" || !target.matches(".sheet-dialog")) return;
    target.querySelector("form:not(:has([autofocus])) :is(input:not([type=hidden]),select,textarea,button)")?.focus();
  }, true);

  const fold = (but) => document.querySelectorAll("details.more").forEach((more) => { more.open &&= more === but; });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector(":popover-open")) {
      document.querySelector("details.more[open] summary")?.focus();
      fold();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1) return;
    if (body.dataset.singleKeys === "off" || typing(event.target)) return;
    if (document.querySelector("dialog[open], .sheet-dialog:popover-open")) return;
    if (handle(event)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".sheet-dialog")) fold(event.target.closest("details.more"));
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy).then(() => {
        document.getElementById("announce").textContent = copy.dataset.copied;
      });
    }
  });
})();
