// Small things every part of the page uses: finding elements, failures, the toast, busy buttons.

export const find = (id) => document.getElementById(id);

export function showFailure(place, failure) {
  const paragraph = find(place);
  paragraph.textContent = failure ? failure.message : "";
  paragraph.hidden = !failure;
}

let toastTimer;

export function toast(text) {
  const paragraph = find("toast");
  paragraph.textContent = text;
  paragraph.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (paragraph.hidden = true), 3500);
}

// Runs the work of a form once at a time; its failure stands in the form, next to what was typed.
export async function submit(form, failurePlace, work) {
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  showFailure(failurePlace, null);
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  try {
    await work();
  } catch (failure) {
    showFailure(failurePlace, failure);
    const field = failure.field && form.elements[failure.field];
    if (field) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
    if (failure.status === 401) form.dispatchEvent(new Event("signed-out", { bubbles: true }));
  } finally {
    delete form.dataset.busy;
  }
}

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
// A click beside a dialog closes it, as Escape does.
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
