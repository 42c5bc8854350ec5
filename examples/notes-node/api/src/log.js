// One JSON object a line.
export function log(event, fields = {}) {
  console.log(JSON.stringify({ time: new Date().toISOString(), service: 'api', event, ...fields }));
}
