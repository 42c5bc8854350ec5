// Starts the page: which of its two faces is shown, and the footer.

import * as account from "./account.js";
import * as api from "./api.js";
import * as entries from "./entries.js";
import { find, toast } from "./page.js";

function greet(name) {
  const hour = new Date().getHours();
  const time = hour < 5 ? "night" : hour < 12 ? "morning" : hour < 18 ? "afternoon" : "evening";
  return `Good ${time}, ${name}.`;
}

function show(signedIn) {
  find("welcome").hidden = signedIn;
  find("logbook").hidden = !signedIn;
  find("who").hidden = !signedIn;
}

async function enter(person, isNew) {
  find("who-name").textContent = person.name;
  find("who-initial").textContent = [...person.name][0].toUpperCase();
  find("greeting").textContent = greet(person.name);
  show(true);
  find("title").focus({ preventScroll: true });
  try {
    await entries.load();
    if (isNew) await entries.awaitWelcome();
  } catch (failure) {
    toast(failure.message);
  }
}

function leave(reason) {
  if (!reason) entries.forgetDraft();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  entries.clear();
  show(false);
  account.askToSignIn(reason);
  find("email").focus();
}

async function showRelease() {
  const running = await api.version().catch(() => null);
  if (!running) return;
  find("colour-dot").dataset.colour = running.colour;
  const colour = running.colour === "none" ? "" : `, ${running.colour}`;
  find("release").textContent = `Release ${running.release}${colour}`;
  find("release").title = `commit ${running.commit}`;
}

async function begin() {
  account.start(enter);
  entries.start();
  document.addEventListener("signed-out", () => {
    if (find("welcome").hidden) leave("Your session is over; sign in again.");
  });
  find("sign-out").addEventListener("click", async () => {
    try {
      await api.signOut();
      leave("");
      toast("You are signed out.");
    } catch (failure) {
      toast(failure.message);
    }
  });
  showRelease();
  try {
    await enter(await api.me(), false);
  } catch (failure) {
    show(false);
    account.askToSignIn("");
    if (failure.status !== 401) toast(failure.message);
  }
}

begin();
