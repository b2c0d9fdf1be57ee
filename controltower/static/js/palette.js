/* Find anything: a combobox over results that the server has already filtered by permission. */
(() => {
  const dialog = document.getElementById("finder");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const options = () => [...list.querySelectorAll("[role=option]")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  const choose = (option) => {
    const was = chosen();
    if (was) was.setAttribute("aria-selected", "false");
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };

  const open = () => {
    dialog.showModal();
    input.select();
  };

  document.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    const opener = event.target.closest("[data-finder]");
    if (opener && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      open();
    }
    const option = event.target.closest("#finder [role=option]");
    if (option) location.assign(option.dataset.href);
  });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      dialog.open ? dialog.close() : open();
    }
  });

  input.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(chosen());
    if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") choose(all[(at - 1 + all.length) % all.length]);
    else if (event.key === "Enter" && chosen()) location.assign(chosen().dataset.href);
    else return;
    event.preventDefault();
  });

  list.addEventListener("htmx:afterSwap", () => {
    choose(options()[0]);
    input.setAttribute("aria-expanded", String(options().length > 0));
  });
})();
