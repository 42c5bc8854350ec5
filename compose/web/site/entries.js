// The logbook itself: the list by day, the composer, editing and deleting.

import * as api from "./api.js";
import { find, submit, toast } from "./page.js";

const list = find("entries");
const composer = find("composer");
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayWithYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

const WELCOME_TRIES = 12;

let shown = []; // newest first
let next = null;
let chosen = null; // the entry a dialog is about

function nameOfDay(date) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.getFullYear() === new Date().getFullYear() ? day.format(date) : dayWithYear.format(date);
}

function card(entry) {
  const node = find("entry-template").content.cloneNode(true).firstElementChild;
  const created = new Date(entry.created);
  const time = node.querySelector("time");
  node.dataset.id = entry.id;
  node.querySelector("h3").textContent = entry.title;
  time.dateTime = entry.created;
  time.textContent = clock.format(created) + (entry.updated === entry.created ? "" : ", edited");
  const text = node.querySelector(".text");
  text.textContent = entry.text;
  text.hidden = entry.text === "";
  for (const button of node.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent}: ${entry.title}`);
  }
  return node;
}

function render() {
  const nodes = [];
  let heading = "";
  for (const entry of shown) {
    const name = nameOfDay(new Date(entry.created));
    if (name !== heading) {
      heading = name;
      const node = document.createElement("h2");
      node.className = "day";
      node.textContent = name;
      nodes.push(node);
    }
    nodes.push(card(entry));
  }
  list.replaceChildren(...nodes);
  find("empty").hidden = shown.length > 0 || !find("arriving").hidden;
  find("older").hidden = next === null;
}

export async function load() {
  ({ entries: shown, next } = await api.entries(null));
  render();
}

export function clear() {
  shown = [];
  next = null;
  find("arriving").hidden = true;
  render();
}

export const forgetDraft = () => composer.reset();

// The worker writes a new account's first entry a moment after the answer; wait for it.
export async function awaitWelcome() {
  find("arriving").hidden = false;
  render();
  for (let attempt = 0; attempt < WELCOME_TRIES && shown.length === 0; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 250 + 150 * attempt));
    await load().catch(() => {});
  }
  find("arriving").hidden = true;
  render();
}

function open(dialog, entry) {
  chosen = entry;
  find(dialog).showModal();
}

function startComposer() {
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(composer, "composer-failure", async () => {
      const draft = { title: find("title").value, text: find("text").value };
      shown.unshift(await api.createEntry(draft));
      composer.reset();
      render();
      find("title").focus();
      toast("Entry added.");
    });
  });
  composer.addEventListener("keydown", saveOnCtrlEnter);
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, textarea, dialog");
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (event.key === "n" && !writing && !modified && !find("logbook").hidden) {
      event.preventDefault();
      find("title").focus();
    }
  });
}

function saveOnCtrlEnter(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    event.currentTarget.requestSubmit();
  }
}

function startEditing() {
  const form = find("edit-form");
  form.addEventListener("keydown", saveOnCtrlEnter);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form, "edit-failure", async () => {
      const draft = { title: find("edit-title").value, text: find("edit-text").value };
      const saved = await api.updateEntry(chosen.id, draft);
      shown = shown.map((entry) => (entry.id === saved.id ? saved : entry));
      find("edit-dialog").close();
      render();
      toast("Changes saved.");
      list.querySelector(`[data-id="${saved.id}"] [data-act="edit"]`)?.focus();
    });
  });
}

function startDeleting() {
  const form = find("delete-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form, "delete-failure", async () => {
      await api.deleteEntry(chosen.id).catch((failure) => {
        if (failure.status !== 404) throw failure; // gone already is as good
      });
      shown = shown.filter((entry) => entry.id !== chosen.id);
      find("delete-dialog").close();
      render();
      toast("Entry deleted.");
      find("title").focus();
    });
  });
}

function startList() {
  list.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (!act) return;
    const id = Number(event.target.closest("[data-id]").dataset.id);
    const entry = shown.find((one) => one.id === id);
    if (act === "edit") {
      find("edit-title").value = entry.title;
      find("edit-text").value = entry.text;
      open("edit-dialog", entry);
    } else {
      find("delete-title").textContent = entry.title;
      open("delete-dialog", entry);
    }
  });
  find("older").addEventListener("click", async () => {
    try {
      const page = await api.entries(next);
      shown = shown.concat(page.entries);
      next = page.next;
      render();
    } catch (failure) {
      toast(failure.message);
    }
  });
}

export function start() {
  startComposer();
  startEditing();
  startDeleting();
  startList();
}
