// What the pages can do better with a script; all of it works without one.
"use strict";

document.documentElement.classList.add("script");

// A box that shows what belongs to it.
for (const box of document.querySelectorAll("[data-shows]")) {
  const target = document.getElementById(box.dataset.shows);
  const show = () => { target.hidden = !box.checked; };
  box.addEventListener("change", show);
  show();
}

// A box that ticks all boxes of a name.
for (const box of document.querySelectorAll("[data-all]")) {
  box.addEventListener("change", () => {
    for (const other of document.getElementsByName(box.dataset.all)) other.checked = box.checked;
  });
}

// A button that writes a line into a text.
for (const button of document.querySelectorAll("[data-insert]")) {
  button.addEventListener("click", () => {
    const text = document.getElementsByName(button.dataset.into)[0];
    text.value = text.value.trimEnd() + (text.value.trim() ? "\n" : "") + button.dataset.insert + "\n";
    text.focus();
  });
}

// A form is sent once, however often its button is pressed; a download leaves the page as it is.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
});
