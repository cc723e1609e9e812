/** A process of its own: uWebSockets.js with a handler that answers every GET with the same body. Arguments: port, bytes. */
import uws from 'uWebSockets.js';

const [port, bytes] = process.argv.slice(2).map(Number) as [number, number];
const body = 'x'.repeat(bytes);
uws
  .App()
  .get('/*', (response) => {
    response.writeHeader('content-type', 'application/json');
    response.end(body);
  })
  .listen('127.0.0.1', port, (socket) => {
    if (socket === false) process.exit(1);
  });
