// Sign up, sign in, sign out.

import * as api from "./api.js";
import { find, showFailure, submit } from "./page.js";

const form = find("account-form");
const password = find("password");

let mode = "signup";

function choose(wanted) {
  mode = wanted;
  const signup = mode === "signup";
  find("choose-signup").setAttribute("aria-pressed", String(signup));
  find("choose-signin").setAttribute("aria-pressed", String(!signup));
  find("name-field").hidden = !signup;
  find("password-hint").hidden = !signup;
  find("account-submit").textContent = signup ? "Create account" : "Sign in";
  password.autocomplete = signup ? "new-password" : "current-password";
  showFailure("account-failure", null);
}

function reveal(shown) {
  password.type = shown ? "text" : "password";
  find("reveal").textContent = shown ? "Hide" : "Show";
  find("reveal").setAttribute("aria-pressed", String(shown));
}

// Shows the form again; a `reason` stands above its button.
export function askToSignIn(reason) {
  if (localStorage.getItem("known") || reason) choose("signin");
  if (reason) showFailure("account-failure", new Error(reason));
}

export function start(onSignedIn) {
  find("choose-signup").addEventListener("click", () => choose("signup"));
  find("choose-signin").addEventListener("click", () => choose("signin"));
  find("reveal").addEventListener("click", () => reveal(password.type === "password"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form, "account-failure", async () => {
      const fields = { email: find("email").value, password: password.value };
      const name = find("name").value.trim();
      const isNew = mode === "signup";
      const account = isNew
        ? await api.signUp(name ? { ...fields, name } : fields)
        : await api.signIn(fields);
      localStorage.setItem("known", "yes");
      form.reset();
      reveal(false);
      onSignedIn(account, isNew);
    });
  });
}
