// Ticks the directory's rules off while a new password is typed. Nothing of it is sent; the server judges without this script too.
"use strict";

const field = document.querySelector('form.password input[name="new"]');

function kinds(text) {
  const found = new Set();
  for (const character of text) {
    const upper = character.toUpperCase(), lower = character.toLowerCase();
    if (/\d/u.test(character)) found.add("digit");
    else if (upper === lower) found.add("other");
    else found.add(character === upper ? "upper" : "lower");
  }
  return found.size;
}

function judge() {
  for (const rule of document.querySelectorAll("#rules [data-min-length], #rules [data-classes]")) {
    const enough = rule.dataset.minLength
      ? [...field.value].length >= Number(rule.dataset.minLength)
      : kinds(field.value) >= Number(rule.dataset.classes);
    rule.classList.toggle("ok", field.value !== "" && enough);
    rule.classList.toggle("no", field.value !== "" && !enough);
  }
}

field.addEventListener("input", judge);
