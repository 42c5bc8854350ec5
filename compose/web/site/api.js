// The one door to the server: JSON in, JSON out, failures as one sentence.

export class Failure extends Error {
  constructor(status, sentence, field = "") {
    super(sentence);
    this.status = status;
    this.field = field;
  }
}

const AWAY = "The server cannot be reached. What you wrote is still here; try again in a moment.";

async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Failure(0, AWAY);
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failure(response.status, answer.error ?? AWAY, answer.field);
  return answer;
}

export const me = () => ask("GET", "/me");
export const version = () => ask("GET", "/version");
export const signUp = (form) => ask("POST", "/signup", form);
export const signIn = (form) => ask("POST", "/signin", form);
export const signOut = () => ask("POST", "/signout");
export const createEntry = (draft) => ask("POST", "/entries", draft);
export const updateEntry = (id, draft) => ask("PUT", `/entries/${id}`, draft);
export const deleteEntry = (id) => ask("DELETE", `/entries/${id}`);
export const entries = (before) =>
  ask("GET", before === null ? "/entries" : `/entries?before=${before}`);
