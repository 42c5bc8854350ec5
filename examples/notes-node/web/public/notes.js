// Sends new notes, and shows at once what others write.
const form = document.querySelector('#write');
const live = document.querySelector('#live');

async function refresh() {
  const page = await (await fetch('/')).text();
  const fresh = new DOMParser().parseFromString(page, 'text/html');
  document.querySelector('#notes').replaceWith(fresh.querySelector('#notes'));
}

async function send(method, path, body, type) {
  const answer = await fetch(path, { method, body, headers: { 'content-type': type } });
  const result = await answer.json();
  if (!answer.ok) throw new Error(result.error);
  return result;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const problem = document.querySelector('#problem');
  problem.value = '';
  try {
    const text = document.querySelector('#text').value;
    const note = await send('POST', '/api/notes', JSON.stringify({ text }), 'application/json');
    const [file] = document.querySelector('#file').files;
    if (file) {
      const path = `/api/notes/${note.id}/attachment?name=${encodeURIComponent(file.name)}`;
      await send('PUT', path, file, 'application/octet-stream');
    }
    form.reset();
    await refresh();
  } catch (error) {
    problem.value = error.message;
  }
});

function listen() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}/ws`);
  socket.onopen = () => (live.textContent = 'live');
  socket.onmessage = refresh;
  socket.onclose = () => {
    live.textContent = 'not connected';
    setTimeout(listen, 1000);
  };
}
listen();
